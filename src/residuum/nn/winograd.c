/* Winograd's F(4x4, 3x3): the passes over memory around its 36 matrix products (winograd.py has the mathematics).
 *
 * Images are [n, height, width, channels] in bf16 and are cut into tiles of 4x4 pixels; `tiles` is [36, n * tiles of an
 * image, channels] in bf16 with `step` numbers between the 36. Arithmetic is float32. Channels are a multiple of 16.
 * Every tile is computed alone, so the bits do not depend on the number of threads. The file includes itself once for
 * each kind of processor.
 */
#ifndef NAME

#include <stdint.h>
#include <string.h>

#define LANES 16

typedef float vf __attribute__((vector_size(4 * LANES)));
typedef uint32_t vu __attribute__((vector_size(4 * LANES)));
typedef uint16_t vh __attribute__((vector_size(2 * LANES)));
typedef struct { int64_t n, height, width, channels, step, threads; } Shape;
typedef struct { float a, b; } Points; /* the tile's polynomial is evaluated at 0, a, -a, b, -b and infinity */
typedef enum { INPUT, OUTPUT, GRADIENT } Pass;

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define NATIVE /* rounds to bf16 in one instruction */
#define NAME(f) f##_native
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")))
#include "winograd.c"
#undef NATIVE
#endif
#define NAME(f) f##_any
#define TARGET
#include "winograd.c"

/* Whether the processor multiplies bf16 itself; else the 36 products cost more than they save. */
int32_t winograd_pays(void) {
#if defined(__x86_64__) && defined(__GNUC__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512bf16") != 0;
#else
  return 0;
#endif
}

void winograd_pass(uint16_t *image, uint16_t *tiles, const Shape *t, int32_t pass, float a, float b) {
  Points points = {a, b};
#if defined(__x86_64__) && defined(__GNUC__)
  if (winograd_pays()) { all_tiles_native(image, tiles, *t, (Pass)pass, points); return; }
#endif
  all_tiles_any(image, tiles, *t, (Pass)pass, points);
}

void winograd_add(float *total, const uint16_t *product, int64_t count, int64_t threads) {
#if defined(__x86_64__) && defined(__GNUC__)
  if (winograd_pays()) { add_native(total, product, count, threads); return; }
#endif
  add_any(total, product, count, threads);
}

/* Whether the caller means the same by Shape: a library of another version must not be called. */
int64_t winograd_size(void) { return (int64_t)sizeof(Shape); }

#else /* once for each kind */

#define INLINE TARGET static inline __attribute__((always_inline))

INLINE vf NAME(load)(const uint16_t *p) {
  vh half;
  memcpy(&half, p, sizeof half);
  return (vf)(__builtin_convertvector(half, vu) << 16);
}

INLINE void NAME(store)(uint16_t *p, vf value) {
#ifdef NATIVE
  __m256bh half = _mm512_cvtneps_pbh((__m512)value);
#else
  vu bits = (vu)value, rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16; /* to the nearest, ties to even */
  vu nan = (vu)(value != value);
  vh half = __builtin_convertvector((nan & 0x7fc0) | (~nan & rounded), vh);
#endif
  memcpy(p, &half, sizeof half);
}

/* One direction of each transform, in place; v's numbers lie `s` apart. */

INLINE void NAME(input_1d)(vf *v, int s, const float a, const float b) { /* B' of 6 pixels */
  const float aa = a * a, bb = b * b;
  vf d0 = v[0], d1 = v[s], d2 = v[2 * s], d3 = v[3 * s], d4 = v[4 * s], d5 = v[5 * s];
  vf even_a = d4 - bb * d2, odd_a = a * (d3 - bb * d1), even_b = d4 - aa * d2, odd_b = b * (d3 - aa * d1);
  v[0] = d4 - (aa + bb) * d2 + (aa * bb) * d0;
  v[s] = even_a + odd_a;
  v[2 * s] = even_a - odd_a;
  v[3 * s] = even_b + odd_b;
  v[4 * s] = even_b - odd_b;
  v[5 * s] = d5 - (aa + bb) * d3 + (aa * bb) * d1;
}

INLINE void NAME(output_1d)(vf *v, int s, const float a, const float b) { /* A' of 6 products: 4 pixels */
  vf sum_a = v[s] + v[2 * s], difference_a = v[s] - v[2 * s], sum_b = v[3 * s] + v[4 * s], difference_b = v[3 * s] - v[4 * s];
  v[0] = v[0] + sum_a + sum_b;
  v[s] = a * difference_a + b * difference_b;
  v[2 * s] = (a * a) * sum_a + (b * b) * sum_b;
  v[3 * s] = (a * a * a) * difference_a + (b * b * b) * difference_b + v[5 * s];
}

INLINE void NAME(gradient_1d)(vf *v, int s, const float a, const float b) { /* A of 4 pixels: output_1d backward */
  vf y0 = v[0], y1 = v[s], y2 = v[2 * s], y3 = v[3 * s];
  vf even_a = y0 + (a * a) * y2, odd_a = a * (y1 + (a * a) * y3), even_b = y0 + (b * b) * y2, odd_b = b * (y1 + (b * b) * y3);
  v[s] = even_a + odd_a;
  v[2 * s] = even_a - odd_a;
  v[3 * s] = even_b + odd_b;
  v[4 * s] = even_b - odd_b;
  v[5 * s] = y3;
}

/* A square of `side` pixels from (y, x) into the corner of a square of 6; zeros beyond the border. */
INLINE void NAME(read_square)(vf *v, const uint16_t *image, Shape t, int64_t y, int64_t x, const int side) {
  for (int r = 0; r < side; r++)
    for (int s = 0; s < side; s++) {
      int inside = y + r >= 0 && y + r < t.height && x + s >= 0 && x + s < t.width;
      v[6 * r + s] = inside ? NAME(load)(image + ((y + r) * t.width + x + s) * t.channels) : (vf){0};
    }
}

INLINE void NAME(one_vector)(uint16_t *image, uint16_t *tile, Shape t, int64_t y, int64_t x, const Pass pass, Points p) {
  vf v[36];
  if (pass == OUTPUT) {
    for (int k = 0; k < 36; k++) v[k] = NAME(load)(tile + k * t.step);
    for (int s = 0; s < 6; s++) NAME(output_1d)(v + s, 6, p.a, p.b);
    for (int r = 0; r < 4; r++) NAME(output_1d)(v + 6 * r, 1, p.a, p.b);
    for (int r = 0; r < 4 && y + r < t.height; r++)
      for (int s = 0; s < 4 && x + s < t.width; s++)
        NAME(store)(image + ((y + r) * t.width + x + s) * t.channels, v[6 * r + s]);
    return;
  }
  if (pass == INPUT) {
    NAME(read_square)(v, image, t, y - 1, x - 1, 6);
    for (int s = 0; s < 6; s++) NAME(input_1d)(v + s, 6, p.a, p.b);
    for (int r = 0; r < 6; r++) NAME(input_1d)(v + 6 * r, 1, p.a, p.b);
  } else {
    NAME(read_square)(v, image, t, y, x, 4);
    for (int s = 0; s < 4; s++) NAME(gradient_1d)(v + s, 6, p.a, p.b);
    for (int r = 0; r < 6; r++) NAME(gradient_1d)(v + 6 * r, 1, p.a, p.b);
  }
  for (int k = 0; k < 36; k++) NAME(store)(tile + k * t.step, v[k]);
}

TARGET static void NAME(all_tiles)(uint16_t *image, uint16_t *tiles, Shape t, const Pass pass, Points p) {
  int64_t down = (t.height + 3) / 4, across = (t.width + 3) / 4;
#pragma omp parallel for num_threads(t.threads)
  for (int64_t i = 0; i < t.n * down * across; i++) {
    uint16_t *whole = image + i / (down * across) * t.height * t.width * t.channels;
    int64_t y = 4 * (i / across % down), x = 4 * (i % across);
    for (int64_t c = 0; c < t.channels; c += LANES) {
      uint16_t *tile = tiles + i * t.channels + c;
      if (pass == INPUT) NAME(one_vector)(whole + c, tile, t, y, x, INPUT, p);
      else if (pass == OUTPUT) NAME(one_vector)(whole + c, tile, t, y, x, OUTPUT, p);
      else NAME(one_vector)(whole + c, tile, t, y, x, GRADIENT, p);
    }
  }
}

/* total += product, of a multiple of 16 numbers. */
TARGET static void NAME(add)(float *total, const uint16_t *product, int64_t count, int64_t threads) {
  (void)threads;
#pragma omp parallel for num_threads(threads)
  for (int64_t i = 0; i < count; i += LANES) {
    vf sum;
    memcpy(&sum, total + i, sizeof sum);
    sum += NAME(load)(product + i);
    memcpy(total + i, &sum, sizeof sum);
  }
}

#undef NAME
#undef TARGET
#undef INLINE
#endif
