/* Run both passes for each kind of processor on buffers of exactly their size, and hold the kinds together. */
#include "pool.c"

#include <stdio.h>
#include <stdlib.h>

int main(void) {
  void (*kinds[])(uint16_t *, uint16_t *, uint8_t *, Shape, const int) = {all_results_any,
#if defined(__x86_64__) && defined(__GNUC__)
      __builtin_cpu_supports("avx2") ? all_results_avx2 : all_results_any,
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") ? all_results_avx512 : all_results_any
#endif
  };
  int runs = 0;
  for (int64_t channels = 1; channels < 70; channels += 3)
    for (int64_t height = 2; height < 8; height++)
      for (int64_t width = 2; width < 8; width++) {
        Shape shape = {2, height, width, channels, 1};
        size_t pixels = (size_t)(2 * height * width * channels), results = (size_t)(2 * (height / 2) * (width / 2) * channels);
        uint16_t *x = malloc(pixels * 2), *first[2] = {0, 0};
        for (size_t i = 0; i < pixels; i++) x[i] = (uint16_t)rand();
        for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
          uint16_t *y = malloc(results * 2), *dx = malloc(pixels * 2);
          uint8_t *which = malloc(results);
          kinds[kind](x, y, which, shape, 1);
          kinds[kind](dx, y, which, shape, 0);
          if (kind == 0) first[0] = y, first[1] = dx;
          else if (memcmp(first[0], y, results * 2) || memcmp(first[1], dx, pixels * 2)) return printf("the kinds part\n"), 1;
          else free(y), free(dx);
          free(which);
          runs++;
        }
        free(x), free(first[0]), free(first[1]);
      }
  return printf("%d runs\n", runs), 0;
}
