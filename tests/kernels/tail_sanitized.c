/* Run every pass of every vector width on buffers of exactly their size, and hold the widths together. */
#include "tail.c"

#include <stdio.h>
#include <stdlib.h>

static float noise(void) { return (float)rand() / (float)RAND_MAX - 0.5f; }

static void *image(int64_t n, int bf16, int fill) {
  void *memory = malloc((size_t)n * (bf16 ? 2 : 4));
  for (int64_t i = 0; i < n; i++) {
    float value = fill ? 3 * noise() : 0;
    uint32_t bits;
    memcpy(&bits, &value, 4);
    if (bf16) ((uint16_t *)memory)[i] = (uint16_t)(bits >> 16);
    else ((float *)memory)[i] = value;
  }
  return memory;
}

static float *vector(int64_t n, float value) {
  float *memory = malloc((size_t)n * 4);
  for (int64_t i = 0; i < n; i++) memory[i] = value;
  return memory;
}

static double farthest(const void *a, const void *b, int64_t n, int bf16) {
  double most = 0;
  for (int64_t i = 0; i < n; i++) {
    float x, y;
    uint32_t p = bf16 ? (uint32_t)((const uint16_t *)a)[i] << 16 : ((const uint32_t *)a)[i];
    uint32_t q = bf16 ? (uint32_t)((const uint16_t *)b)[i] << 16 : ((const uint32_t *)b)[i];
    memcpy(&x, &p, 4);
    memcpy(&y, &q, 4);
    if (fabs((double)x - y) > most) most = fabs((double)x - y);
  }
  return most;
}

int main(void) {
  const Passes *widths[] = {&passes_any,
#if defined(__x86_64__) && defined(__GNUC__)
                            __builtin_cpu_supports("avx2") ? &passes_avx2 : &passes_any, passes()
#endif
  };
  int runs = 0;
  for (int64_t channels = 1; channels < 40; channels += channels < 20 ? 1 : 7)
    for (int64_t rows = 2; rows < 140; rows += 67)
      for (int kind = 0; kind < 32; kind++) {
        int64_t n = rows * channels;
        int bf16 = kind & 1, added = kind & 4;
        void *x = image(n, bf16, 1), *shortcut = image(n, bf16, 1), *dy = image(n, bf16, 1), *dy2 = image(n, bf16, 1), *first[2] = {0, 0};
        float *weight = vector(channels, 0.7f), *bias = vector(channels, 0.1f);
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
          Tail t = {.x = x, .shortcut = added ? shortcut : 0, .dy = dy, .dy2 = kind >> 4 ? dy2 : 0, .weight = weight, .bias = bias, .rows = rows,
                    .channels = channels, .bf16 = bf16, .relu = (kind >> 1) & 1, .training = (kind >> 3) & 1, .threads = 1,
                    .momentum = 0.1, .eps = 1e-5};
          t.out = image(n, bf16, 0);
          t.dx = image(n, bf16, 0);
          t.kept = image(n, bf16, 0);
          t.y = t.out;
          t.mean = vector(channels, 0.2f);
          t.istd = vector(channels, 1);
          t.running_mean = vector(channels, 0.2f);
          t.running_var = vector(channels, 1);
          t.dweight = vector(channels, 0);
          t.dbias = vector(channels, 0);
          t.sums = malloc(2 * sizeof(double) * (size_t)channels);
          in_threads(&t, t.training ? widths[w]->statistics : 0, settle_statistics, widths[w]->apply);
          in_threads(&t, widths[w]->reduce, settle_gradients, widths[w]->input_gradient);
          double apart = 0;
          if (w == 0) first[0] = t.out, first[1] = t.dx;
          else apart = fmax(farthest(first[0], t.out, n, bf16), farthest(first[1], t.dx, n, bf16));
          if (apart > (bf16 ? 0.1 : 1e-4)) return printf("widths part by %g at kind %d\n", apart, kind), 1;
          if (w) free(t.out), free(t.dx);
          free(t.kept), free(t.mean), free(t.istd), free(t.running_mean), free(t.running_var);
          free(t.dweight), free(t.dbias), free(t.sums);
          runs++;
        }
        free(x), free(shortcut), free(dy), free(dy2), free(weight), free(bias), free(first[0]), free(first[1]);
      }
  return printf("%d runs\n", runs), 0;
}
