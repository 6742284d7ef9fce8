/* Run both on buffers of exactly their size, the sum with bands of few rows and of many, and hold them to plain loops. */
#include "small_conv.c"

#include "sanitized.h"

#if defined(__x86_64__) && defined(__GNUC__)
static double plain(const uint16_t *x, const uint16_t *dy, Shape t, int64_t tap, int64_t k, int64_t c) {
  double sum = 0;
  for (int64_t i = 0; i < t.n; i++)
    for (int64_t y = 0; y < t.height; y++)
      for (int64_t p = 0; p < t.width; p++) {
        int64_t v = y + tap / 3 - 1, u = p + tap % 3 - 1;
        if (v < 0 || v >= t.height || u < 0 || u >= t.width) continue;
        sum += number(x[((i * t.height + v) * t.width + u) * t.in_channels + c]) *
               number(dy[((i * t.height + y) * t.width + p) * t.out_channels + k]);
      }
  return sum;
}

static double plain_pixel(const uint16_t *x, const uint16_t *filters, Shape t, int64_t n, int64_t y, int64_t p, int64_t k) {
  double sum = 0;
  for (int64_t tap = 0; tap < 9; tap++)
    for (int64_t c = 0; c < 16; c++) {
      int64_t v = y + tap / 3 - 1, u = p + tap % 3 - 1;
      if (v < 0 || v >= t.height || u < 0 || u >= t.width) continue;
      sum += number(x[((n * t.height + v) * t.width + u) * 16 + c]) * number(filters[((tap * 8 + c / 2) * 16 + k) * 2 + c % 2]);
    }
  return sum;
}

int main(void) {
  if (!small_conv_runs()) return printf("0 runs: not for this processor\n"), 0;
  int runs = 0;
  for (int64_t height = 1; height < 8; height++)
    for (int64_t width = 16; width < 64; width += 16) {
      Shape t = {2, height, width, 16, 16, 1};
      int64_t size = 2 * height * width * 16;
      uint16_t *x = noise(size), *filters = noise(9 * 8 * 16 * 2), *y = noise(size);
      if (small_conv_forward(x, filters, y, &t)) return printf("no memory\n"), 1;
      for (int i = 0; i < 9; i++, runs++) {
        int64_t n = rand() % 2, v = rand() % height, u = rand() % width, k = rand() % 16;
        double apart = number(y[((n * height + v) * width + u) * 16 + k]) - plain_pixel(x, filters, t, n, v, u, k);
        if (apart > 0.05 || apart < -0.05) return printf("a pixel is %g off\n", apart), 1;
      }
      free(x), free(filters), free(y);
    }
  for (int64_t in = 16; in <= 48; in += 16)
    for (int64_t out = 16; out <= 48; out += 32)
      for (int64_t height = 1; height < 50; height += height < 8 ? 1 : 13)
        for (int64_t width = 1; width < 50; width += width < 8 ? 1 : 9) {
          Shape t = {2, height, width, in, out, 1};
          uint16_t *x = noise(2 * height * width * in), *dy = noise(2 * height * width * out);
          float *totals = calloc((size_t)(9 * in * out), 4);
          if (small_conv_filters(x, dy, totals, &t)) return printf("no memory\n"), 1;
          for (int64_t tap = 0; tap < 9; tap++, runs++) {
            int64_t k = rand() % out, c = rand() % in;
            double apart = totals[(tap * out + k) * in + c] - plain(x, dy, t, tap, k, c);
            if (apart > 1e-3 || apart < -1e-3) return printf("a sum is %g off\n", apart), 1;
          }
          free(x), free(dy), free(totals);
        }
  return printf("%d runs\n", runs), 0;
}
#else
int main(void) { return printf("0 runs: not for this processor\n"), 0; }
#endif
