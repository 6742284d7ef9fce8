/* Run every pass for each kind of processor on buffers of exactly their size, and hold the kinds together. */
#include "winograd.c"

#include "sanitized.h"

static double farthest(const uint16_t *a, const uint16_t *b, int64_t n) {
  double most = 0;
  for (int64_t i = 0; i < n; i++) {
    double apart = number(a[i]) - number(b[i]);
    if (apart < 0) apart = -apart;
    if (apart > most) most = apart;
  }
  return most;
}

int main(void) {
  void (*kinds[])(uint16_t *, uint16_t *, Shape, Pass, Points) = {all_tiles_any,
#if defined(__x86_64__) && defined(__GNUC__)
      winograd_pays() ? all_tiles_native : all_tiles_any
#endif
  };
  int runs = 0;
  for (int64_t channels = 16; channels < 80; channels += 16)
    for (int64_t height = 1; height < 14; height++)
      for (int64_t width = 1; width < 14; width += 3)
        for (int pass = 0; pass < 3; pass++) {
          int64_t n = 2, across = (width + 3) / 4, down = (height + 3) / 4, step = n * across * down * channels;
          Shape shape = {n, height, width, channels, step, 1};
          int64_t sizes[] = {n * height * width * channels, 36 * step};
          uint16_t *image = noise(sizes[0]), *tiles = noise(sizes[1]), *first = 0;
          for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
            int64_t size = sizes[pass != OUTPUT];
            uint16_t *result = noise(size);
            kinds[kind](pass == OUTPUT ? result : image, pass == OUTPUT ? tiles : result, shape, (Pass)pass, (Points){0.625f, 1.5f});
            if (!first) first = result;
            else if (farthest(first, result, size) > 0.1) return printf("the kinds part in pass %d\n", pass), 1;
            else free(result);
            runs++;
          }
          free(image), free(tiles), free(first);
        }
  uint16_t *product = noise(4800);
  float *total = calloc(4800, sizeof *total), *again = calloc(4800, sizeof *again);
  add_any(total, product, 4800, 1);
  winograd_add(again, product, 4800, 1);
  for (int64_t i = 0; i < 4800; i++)
    if (total[i] != (float)number(product[i]) || again[i] != total[i]) return printf("a sum is wrong\n"), 1;
  free(product), free(total), free(again);
  return printf("%d runs\n", runs), 0;
}
