/* Vectors of 16 channels, in float32 as computed and in bf16 as kept, and Winograd's transforms of them. */
#include <immintrin.h>
#include <stdint.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")))
#define INLINE TARGET static inline __attribute__((always_inline))
#ifndef UNROLL
#define UNROLL _Pragma("GCC unroll 36")
#endif
#define LANES 16   /* numbers of a vector */
#define ALL 0xffff /* of them */

/* The tile's polynomials are evaluated at 0, A, -A, B, -B and infinity. Of all pairs tried these leave the least error. */
#define A 0.625f
#define B 1.5f
#define AA (A * A)
#define BB (B * B)
#define OF_0 (1 / (AA * BB))
#define OF_A (1 / (2 * AA * (AA - BB)))
#define OF_B (1 / (2 * BB * (BB - AA)))

typedef float vf __attribute__((vector_size(4 * LANES)));

INLINE __mmask16 lanes(int64_t channels, int64_t c) { /* those of a vector from channel c on that exist */
  int64_t left = channels - c;
  return left >= LANES ? ALL : left > 0 ? (__mmask16)((1 << left) - 1) : 0;
}

INLINE vf load(const uint16_t *p, __mmask16 mask) {
  __m256i half = mask == ALL ? _mm256_loadu_si256((const __m256i *)p) : _mm256_maskz_loadu_epi16(mask, p);
  return (vf)_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16);
}

INLINE void store(uint16_t *p, vf value, __mmask16 mask) {
  __m256i half = (__m256i)_mm512_cvtneps_pbh((__m512)value);
  if (mask == ALL) _mm256_storeu_si256((__m256i *)p, half);
  else _mm256_mask_storeu_epi16(p, mask, half);
}

INLINE void store_pairs(uint16_t *p, vf a, vf b) { /* a0 b0 a1 b1 ... */
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5,
                                         20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  _mm512_storeu_si512(p, _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh((__m512)b, (__m512)a)));
}

/* One direction of each transform, in place; v's numbers lie `s` apart. */

INLINE void input_1d(vf *v, int s) { /* B' of 6 pixels */
  vf d0 = v[0], d1 = v[s], d2 = v[2 * s], d3 = v[3 * s], d4 = v[4 * s], d5 = v[5 * s];
  vf even_a = d4 - BB * d2, odd_a = A * (d3 - BB * d1), even_b = d4 - AA * d2, odd_b = B * (d3 - AA * d1);
  v[0] = d4 - (AA + BB) * d2 + (AA * BB) * d0;
  v[s] = even_a + odd_a;
  v[2 * s] = even_a - odd_a;
  v[3 * s] = even_b + odd_b;
  v[4 * s] = even_b - odd_b;
  v[5 * s] = d5 - (AA + BB) * d3 + (AA * BB) * d1;
}

INLINE void output_1d(vf *v, int s) { /* A' of 6 products: 4 pixels */
  vf sum_a = v[s] + v[2 * s], difference_a = v[s] - v[2 * s], sum_b = v[3 * s] + v[4 * s], difference_b = v[3 * s] - v[4 * s];
  v[0] = v[0] + sum_a + sum_b;
  v[s] = A * difference_a + B * difference_b;
  v[2 * s] = AA * sum_a + BB * sum_b;
  v[3 * s] = (A * AA) * difference_a + (B * BB) * difference_b + v[5 * s];
}

INLINE void gradient_1d(vf *v, int s) { /* A of 4 pixels: output_1d backward */
  vf y0 = v[0], y1 = v[s], y2 = v[2 * s], y3 = v[3 * s];
  vf even_a = y0 + AA * y2, odd_a = A * (y1 + AA * y3), even_b = y0 + BB * y2, odd_b = B * (y1 + BB * y3);
  v[s] = even_a + odd_a;
  v[2 * s] = even_a - odd_a;
  v[3 * s] = even_b + odd_b;
  v[4 * s] = even_b - odd_b;
  v[5 * s] = y3;
}

INLINE void filter_1d(vf *v, int s) { /* G of 3 weights */
  vf w0 = v[0], w1 = v[s], w2 = v[2 * s];
  vf even_a = OF_A * (w0 + AA * w2), odd_a = (OF_A * A) * w1, even_b = OF_B * (w0 + BB * w2), odd_b = (OF_B * B) * w1;
  v[0] = OF_0 * w0;
  v[s] = even_a + odd_a;
  v[2 * s] = even_a - odd_a;
  v[3 * s] = even_b + odd_b;
  v[4 * s] = even_b - odd_b;
  v[5 * s] = w2;
}

INLINE void weight_1d(vf *v, int s) { /* G' of 6 sums: filter_1d backward */
  vf sum_a = OF_A * (v[s] + v[2 * s]), difference_a = OF_A * (v[s] - v[2 * s]);
  vf sum_b = OF_B * (v[3 * s] + v[4 * s]), difference_b = OF_B * (v[3 * s] - v[4 * s]);
  v[0] = OF_0 * v[0] + sum_a + sum_b;
  v[s] = A * difference_a + B * difference_b;
  v[2 * s] = AA * sum_a + BB * sum_b + v[5 * s];
}
