/* 3x3 convolutions of few channels, in bf16, on processors with AVX-512 BF16: forward, and the gradient to the filters.
 *
 * Images are [n, height, width, channels] in bf16, with a border of one pixel of zeros around x. The processor adds the
 * products of two bf16 numbers at once to each float32 sum. Forward the two are neighbouring channels; for the filters
 * they are neighbouring pixels, and both images are copied band by band into pairs of pixels: (x[p - 1], x[p]) for every
 * p, since filters look at all places, and (dy[p], dy[p + 1]) for every second. Every thread has a range of images.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#else
#define omp_get_thread_num() 0
#define omp_get_num_threads() 1
#endif

typedef struct { int64_t n, height, width, in_channels, out_channels, threads; } Shape;

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))
#define INLINE TARGET static inline __attribute__((always_inline))
#define LANES 16  /* channels of a vector */
#define PIXELS 16 /* of a row, summed at once */
#define PAIR 32   /* numbers of a pair of pixels in that many channels */
#define OUT 8     /* output channels summed at once, for the three places in a row of the filter: 24 vectors of sums */
#define CACHE 30000 /* numbers of a band's pairs that stay in the nearest cache */

typedef struct { int64_t rows, pairs, wide; } Band; /* rows of dy, pairs of dy and of x in a row */

static const uint16_t nothing[LANES];

INLINE void put_pair(uint16_t *to, const uint16_t *a, const uint16_t *b) { /* a0 b0 a1 b1 ... */
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5,
                                         20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  __m512i both = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)a));
  both = _mm512_inserti64x4(both, _mm256_loadu_si256((const __m256i *)b), 1);
  _mm512_store_si512(to, _mm512_permutexvar_epi16(order, both));
}

/* Pairs (p, p + 1) of one row of `width` pixels for p = first, first + step, ...; zeros beyond its ends, or without a row. */
INLINE void put_row(uint16_t *to, const uint16_t *row, int64_t width, int64_t channels, int64_t first, int64_t count, const int64_t step) {
  int64_t p = first, last = first + count * step;
  if (!row) {
    memset(to, 0, (size_t)(count * PAIR) * 2);
    return;
  }
  if (p < 0) put_pair(to, nothing, row), p += step, to += PAIR;
  for (const uint16_t *pixel = row + p * channels; p + 1 < width; p += step, to += PAIR, pixel += step * channels)
    put_pair(to, pixel, pixel + channels);
  for (; p < last; p += step, to += PAIR) put_pair(to, p < width ? row + p * channels : nothing, nothing);
}

/* The sums over a band for 16 input channels, 8 output channels and one row of the filter. */
INLINE void add_band(float *total, const uint16_t *xs, const uint16_t *dys, Band band, int64_t in_channels, int64_t out_channels) {
  __m512 sums[3][OUT];
  for (int kx = 0; kx < 3; kx++)
#pragma GCC unroll 8
    for (int k = 0; k < OUT; k++) sums[kx][k] = _mm512_setzero_ps();
  for (int64_t y = 0; y < band.rows; y++) {
    const uint16_t *x = xs + y * band.wide * PAIR, *dy = dys + y * band.pairs * PAIR;
    for (int64_t p = 0; p < band.pairs; p++, x += 2 * PAIR, dy += PAIR) {
      __m512bh left = (__m512bh)_mm512_load_si512(x), middle = (__m512bh)_mm512_load_si512(x + PAIR);
      __m512bh right = (__m512bh)_mm512_load_si512(x + 2 * PAIR);
#pragma GCC unroll 8
      for (int k = 0; k < OUT; k++) {
        int32_t two;
        memcpy(&two, dy + 2 * k, sizeof two);
        __m512bh gradient = (__m512bh)_mm512_set1_epi32(two);
        sums[0][k] = _mm512_dpbf16_ps(sums[0][k], left, gradient);
        sums[1][k] = _mm512_dpbf16_ps(sums[1][k], middle, gradient);
        sums[2][k] = _mm512_dpbf16_ps(sums[2][k], right, gradient);
      }
    }
  }
  for (int kx = 0; kx < 3; kx++)
#pragma GCC unroll 8
    for (int k = 0; k < OUT; k++) {
      float *to = total + (kx * out_channels + k) * in_channels;
      _mm512_storeu_ps(to, _mm512_add_ps(_mm512_loadu_ps(to), sums[kx][k]));
    }
}

TARGET static void add_image(float *total, const uint16_t *x, const uint16_t *dy, Shape t, int64_t most, uint16_t *xs, uint16_t *dys) {
  int64_t in = t.in_channels, out = t.out_channels, pairs = (t.width + 1) / 2, wide = 2 * pairs + 1;
  for (int64_t top = 0; top < t.height; top += most) {
    Band band = {top + most < t.height ? most : t.height - top, pairs, wide};
    for (int64_t c = 0; c < in / LANES; c++)
      for (int64_t y = -1; y <= band.rows; y++) {
        const uint16_t *row = top + y >= 0 && top + y < t.height ? x + (top + y) * t.width * in + c * LANES : 0;
        put_row(xs + (c * (most + 2) + y + 1) * wide * PAIR, row, t.width, in, -1, wide, 1);
      }
    for (int64_t k = 0; k < out / LANES; k++)
      for (int64_t y = 0; y < band.rows; y++)
        put_row(dys + (k * most + y) * pairs * PAIR, dy + (top + y) * t.width * out + k * LANES, t.width, out, 0, pairs, 2);
    for (int64_t c = 0; c < in / LANES; c++)
      for (int64_t k = 0; k < out / OUT; k++)
        for (int64_t ky = 0; ky < 3; ky++)
          add_band(total + (3 * ky * out + k * OUT) * in + c * LANES, xs + (c * (most + 2) + ky) * wide * PAIR,
                   dys + k / 2 * most * pairs * PAIR + k % 2 * 2 * OUT, band, in, out);
  }
}

/* 16 pixels in a row from three rows of x, each with its border. */
INLINE void put_pixels(uint16_t *y, const uint16_t *const rows[3], const uint16_t *filters) {
  __m512 sums[PIXELS];
#pragma GCC unroll 16
  for (int j = 0; j < PIXELS; j++) sums[j] = _mm512_setzero_ps();
  for (int ky = 0; ky < 3; ky++)
    for (int kx = 0; kx < 3; kx++)
      for (int c = 0; c < LANES; c += 2, filters += PAIR) {
        __m512bh weights = (__m512bh)_mm512_loadu_si512(filters);
        const uint16_t *from = rows[ky] + kx * LANES + c;
#pragma GCC unroll 16
        for (int j = 0; j < PIXELS; j++) {
          int32_t two;
          memcpy(&two, from + j * LANES, sizeof two);
          sums[j] = _mm512_dpbf16_ps(sums[j], weights, (__m512bh)_mm512_set1_epi32(two));
        }
      }
#pragma GCC unroll 16
  for (int j = 0; j < PIXELS; j++) _mm256_storeu_si256((__m256i *)(y + j * LANES), (__m256i)_mm512_cvtneps_pbh(sums[j]));
}

/* y = the convolution of x, both of 16 channels and a multiple of 16 pixels wide; filters: [9, 8, 16 out, 2]. Returns 0, or 1
 * where there is no memory. */
TARGET int32_t small_conv_forward(const uint16_t *x, const uint16_t *filters, uint16_t *y, const Shape *s) {
  Shape t = *s;
  int64_t row = t.width * LANES, padded = row + 2 * LANES;
  int32_t failed = 0;
#pragma omp parallel num_threads(t.threads) reduction(| : failed)
  {
    int64_t me = omp_get_thread_num(), all = omp_get_num_threads();
    uint16_t *ring = calloc((size_t)(4 * padded), 2); /* three rows in turn, whose borders stay zero, and one of zeros */
    failed = !ring;
    for (int64_t i = t.n * me / all; ring && i < t.n * (me + 1) / all; i++)
      for (int64_t top = -1; top < t.height; top++) {
        int64_t below = top + 1;
        if (below < t.height) memcpy(ring + below % 3 * padded + LANES, x + (i * t.height + below) * row, (size_t)row * 2);
        if (top < 0) continue;
        const uint16_t *rows[3];
        for (int64_t k = 0, at = top - 1; k < 3; k++, at++) rows[k] = ring + (at < 0 || at >= t.height ? 3 : at % 3) * padded;
        for (int64_t from = 0; from < row; from += PIXELS * LANES) {
          const uint16_t *here[3] = {rows[0] + from, rows[1] + from, rows[2] + from};
          put_pixels(y + (i * t.height + top) * row + from, here, filters);
        }
      }
    free(ring);
  }
  return failed;
}

/* totals: [threads, 9, out_channels, in_channels], of zeros. Returns 0, or 1 where there is no memory. */
TARGET int32_t small_conv_filters(const uint16_t *x, const uint16_t *dy, float *totals, const Shape *s) {
  Shape t = *s;
  int64_t pairs = (t.width + 1) / 2, wide = 2 * pairs + 1, of_x = t.in_channels / LANES * wide * PAIR;
  int64_t of_dy = t.out_channels / LANES * pairs * PAIR, most = (CACHE - 2 * of_x) / (of_x + of_dy);
  most = most < 1 ? 1 : most > t.height ? t.height : most;
  int32_t failed = 0;
#pragma omp parallel num_threads(t.threads) reduction(| : failed)
  {
    int64_t me = omp_get_thread_num(), all = omp_get_num_threads();
    uint16_t *xs = aligned_alloc(64, (size_t)((most + 2) * of_x + most * of_dy) * 2), *dys = xs + (most + 2) * of_x;
    failed = !xs;
    for (int64_t i = t.n * me / all; xs && i < t.n * (me + 1) / all; i++)
      add_image(totals + me * 9 * t.in_channels * t.out_channels, x + i * t.height * t.width * t.in_channels,
                dy + i * t.height * t.width * t.out_channels, t, most, xs, dys);
    free(xs);
  }
  return failed;
}

/* Whether this processor has what is needed. */
int32_t small_conv_runs(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq");
}

/* Whether it has nothing better, too: AMX has oneDNN's own. */
int32_t small_conv_pays(void) { return small_conv_runs() && !__builtin_cpu_supports("amx-bf16"); }
#else
int32_t small_conv_forward(const uint16_t *x, const uint16_t *filters, uint16_t *y, const Shape *s) {
  (void)x, (void)filters, (void)y, (void)s;
  return 1;
}
int32_t small_conv_filters(const uint16_t *x, const uint16_t *dy, float *totals, const Shape *s) {
  (void)x, (void)dy, (void)totals, (void)s;
  return 1;
}
int32_t small_conv_runs(void) { return 0; }
int32_t small_conv_pays(void) { return 0; }
#endif

/* The checksum of what this was built from (compiled.py): a library of another version must not be called. */
uint32_t small_conv_source(void) { return SOURCE; }
