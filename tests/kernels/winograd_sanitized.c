/* Run all of it on buffers of exactly their size; what is not of pooled gradients is held to plain loops. */
#include "winograd.c"

#include <math.h>

#include "sanitized.h"

#if defined(__x86_64__) && defined(__GNUC__)
/* The pixel of x that filter place `tap` meets at (y, p), channel c; 0 beyond the border. */
static double met(const uint16_t *x, Shape t, int64_t i, int64_t y, int64_t p, int64_t tap, int64_t c) {
  int64_t v = y + tap / 3 - 1, u = p + tap % 3 - 1;
  if (v < 0 || v >= t.height || u < 0 || u >= t.width) return 0;
  return number(x[((i * t.height + v) * t.width + u) * t.in_channels + c]);
}

/* Sums of products, the squares of what was off, and those of the products, which cancel in the sums. */
typedef struct { double sum, off, products; } Held;

static void add(Held *h, double a, double b) {
  h->sum += a * b;
  h->products += a * a * b * b;
}

static void hold(Held *h, double found) {
  h->off += (found - h->sum) * (found - h->sum);
  h->sum = 0;
}

static int far(Held h) { return h.off > 0.05 * 0.05 * h.products; }

int main(void) {
  if (!winograd_runs()) return printf("0 runs: not for this processor\n"), 0;
  int runs = 0;
  int64_t sides[] = {1, 3, 4, 5, 9, 17}, channels[] = {1, 16, 24, 33};
  for (int k = 0; k < 4 * 4 * 6 * 6; k++, runs++) {
    Shape t = {k % 36 == 35 ? 48 : 2, sides[k % 6], sides[k / 6 % 6], channels[k / 36 % 4], channels[k / 144], 1};
    int64_t pixels = t.n * t.height * t.width, numbers = padded(t.in_channels) * padded(t.out_channels) * 36;
    uint16_t *x = noise(pixels * t.in_channels), *dy = noise(pixels * t.out_channels), *y = noise(pixels * t.out_channels);
    uint16_t *packed = noise(numbers);
    float *totals = malloc((size_t)(winograd_parts(&t) * numbers) * 4), *weights = malloc((size_t)(9 * t.in_channels * t.out_channels) * 4);
    for (int64_t i = 0; i < 9 * t.in_channels * t.out_channels; i++) weights[i] = (float)(rand() % 2001 - 1000) / 1000;
    Held forward = {0, 0, 0}, filters = {0, 0, 0};
    winograd_pack(weights, packed, &t);
    if (winograd_convolve(x, 0, packed, y, 0, &t)) return printf("no memory\n"), 1;
    for (int64_t j = 0; j < pixels * t.out_channels; j += 7) {
      int64_t o = j % t.out_channels, p = j / t.out_channels % t.width, v = j / t.out_channels / t.width % t.height;
      for (int64_t tap = 0; tap < 9; tap++)
        for (int64_t c = 0; c < t.in_channels; c++)
          add(&forward, met(x, t, j / t.out_channels / t.width / t.height, v, p, tap, c), weights[(tap * t.in_channels + c) * t.out_channels + o]);
      hold(&forward, number(y[j]));
    }
    if (winograd_filters(x, dy, 0, totals, weights, &t)) return printf("no memory\n"), 1;
    for (int64_t j = 0; j < 9 * t.in_channels * t.out_channels; j += 5) {
      int64_t c = j % t.in_channels, o = j / t.in_channels % t.out_channels, tap = j / t.in_channels / t.out_channels;
      for (int64_t i = 0; i < pixels; i++)
        add(&filters, met(x, t, i / t.width / t.height, i / t.width % t.height, i % t.width, tap, c), number(dy[i * t.out_channels + o]));
      hold(&filters, weights[j]);
    }
    if (far(forward) || far(filters)) return printf("%d: %g off in %g, %g in %g\n", k, forward.off, forward.products, filters.off, filters.products), 1;
    int64_t pooled = t.n * (t.height / 2) * (t.width / 2);
    uint16_t *largest = noise(pooled * t.out_channels), *small = noise(pooled * t.in_channels);
    uint8_t *which = malloc((size_t)(pooled * t.out_channels)), *of_small = malloc((size_t)(pooled * t.in_channels));
    for (int64_t j = 0; j < pooled * t.in_channels; j++) of_small[j] = (uint8_t)(rand() % 4);
    if (winograd_convolve(x, 0, packed, largest, which, &t)) return printf("no memory\n"), 1;
    for (int64_t j = 0; j < pooled * t.out_channels; j++) {
      int64_t o = j % t.out_channels, p = j / t.out_channels % (t.width / 2), v = j / t.out_channels / (t.width / 2);
      int64_t of_image = v / (t.height / 2) * t.height + v % (t.height / 2) * 2;
      uint16_t *four = y + (of_image * t.width + 2 * p) * t.out_channels + o;
      double most = -1e30;
      for (int k = 0; k < 4; k++) most = fmax(most, number(four[(k / 2 * t.width + k % 2) * t.out_channels]));
      if (number(largest[j]) != most || number(four[(which[j] / 2 * t.width + which[j] % 2) * t.out_channels]) != most)
        return printf("%d: a pixel that is not the largest\n", k), 1;
    }
    if (winograd_convolve(small, of_small, packed, y, 0, &t)) return printf("no memory\n"), 1;
    if (winograd_filters(x, largest, which, totals, weights, &t)) return printf("no memory\n"), 1;
    free(x), free(dy), free(y), free(packed), free(totals), free(weights), free(largest), free(which), free(small), free(of_small);
  }
  return printf("%d runs\n", 5 * runs), 0;
}
#else
int main(void) { return printf("0 runs: not for this processor\n"), 0; }
#endif
