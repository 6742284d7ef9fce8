/* The largest of each 2x2 pixels and its gradient, in bf16: one byte a result says which of the four it was.
 *
 * Images are [n, height, width, channels]; an odd last row or column belongs to no result.
 */
#include <stdint.h>
#include <string.h>

typedef struct { int64_t n, height, width, channels, threads; } Shape;

static inline float number(uint16_t half) {
  uint32_t bits = (uint32_t)half << 16;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

/* As torch has it: a later one must be larger, or not a number. */
static inline __attribute__((always_inline)) void largest(const uint16_t *restrict x, int64_t right, int64_t below, uint16_t *restrict y,
                                                          uint8_t *restrict which, int64_t channels) {
  for (int64_t c = 0; c < channels; c++) {
    uint16_t four[] = {x[c], x[c + right], x[c + below], x[c + below + right]}, most = four[0];
    uint8_t index = 0;
    for (uint8_t k = 1; k < 4; k++) {
      int later = number(four[k]) > number(most) || number(four[k]) != number(four[k]);
      most = later ? four[k] : most;
      index = later ? k : index;
    }
    y[c] = most;
    which[c] = index;
  }
}

static inline __attribute__((always_inline)) void share(uint16_t *restrict dx, int64_t right, int64_t below, const uint16_t *restrict dy,
                                                        const uint8_t *restrict which, int64_t channels) {
  int64_t at[] = {0, right, below, below + right};
  for (uint8_t k = 0; k < 4; k++)
    for (int64_t c = 0; c < channels; c++) dx[at[k] + c] = which[c] == k ? dy[c] : 0;
}

/* The loops over all results, once for each kind of processor; `forward` or else back. */
#define ALL_RESULTS(NAME, TARGET)                                                                              \
  TARGET static void NAME(uint16_t *x, uint16_t *y, uint8_t *which, Shape t, const int forward) {              \
    int64_t height = t.height / 2, width = t.width / 2, row = t.width * t.channels, odd = t.width % 2;         \
    _Pragma("omp parallel for num_threads(t.threads)")                                                         \
    for (int64_t i = 0; i < t.n * height; i++) {                                                               \
      uint16_t *above = x + (i / height * t.height + i % height * 2) * row;                                    \
      for (int64_t j = 0; j < width; j++) {                                                                    \
        uint16_t *from = above + 2 * j * t.channels, *one = y + (i * width + j) * t.channels;                  \
        uint8_t *index = which + (i * width + j) * t.channels;                                                 \
        if (forward) largest(from, t.channels, row, one, index, t.channels);                                   \
        else share(from, t.channels, row, one, index, t.channels);                                             \
      }                                                                                                        \
      if (forward) continue;                                                                                   \
      size_t last = (size_t)(odd * t.channels) * 2;                                                            \
      memset(above + row - odd * t.channels, 0, last);                                                         \
      memset(above + 2 * row - odd * t.channels, 0, last);                                                     \
      if (t.height % 2 && i % height == height - 1) memset(above + 2 * row, 0, (size_t)row * 2);               \
    }                                                                                                          \
  }

ALL_RESULTS(all_results_any, )
#if defined(__x86_64__) && defined(__GNUC__)
ALL_RESULTS(all_results_avx512, __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq"))))
ALL_RESULTS(all_results_avx2, __attribute__((target("avx2"))))
#endif

void pool_pass(uint16_t *x, uint16_t *y, uint8_t *which, const Shape *t, int32_t forward) {
#if defined(__x86_64__) && defined(__GNUC__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
    all_results_avx512(x, y, which, *t, forward);
    return;
  }
  if (__builtin_cpu_supports("avx2")) {
    all_results_avx2(x, y, which, *t, forward);
    return;
  }
#endif
  all_results_any(x, y, which, *t, forward);
}

/* The checksum of what this was built from (compiled.py): a library of another version must not be called. */
uint32_t pool_source(void) { return SOURCE; }
