/* The AVX-512 operations of small_conv.c and winograd.c in plain C, so that their loops run on every processor.
 *
 * This folder stands before the compiler's own in the search path. A vector is an array of numbers that the compiler
 * splits as it must. Numbers too small for a full mantissa stay as they are; the processor takes them for zero.
 */
#include <stdint.h>
#include <string.h>

#define target(names) unused                              /* __attribute__((target("avx512f"))) */
#define __builtin_cpu_init() ((void)0)
#define __builtin_cpu_supports(name) ((name)[1] == 'v')   /* every AVX, and no AMX */
#define UNROLL                                            /* no loop: that takes a minute to compile */
#define PLAIN static __attribute__((unused))

typedef float __m512 __attribute__((vector_size(64)));
typedef int32_t __m512i __attribute__((vector_size(64)));
typedef uint16_t __m512bh __attribute__((vector_size(64)));
typedef uint16_t __m256bh __attribute__((vector_size(32)));
typedef uint16_t __m256i __attribute__((vector_size(32)));
typedef uint8_t __m128i __attribute__((vector_size(16)));
typedef uint16_t __mmask16;
typedef uint32_t plain_u __attribute__((vector_size(64)));

#define _CMP_GT_OQ 0
#define _CMP_UNORD_Q 1
#define EACH for (int i = 0; i < 16; i++)
#define ON(mask) ((mask) >> i & 1)

PLAIN __m512 _mm512_setzero_ps(void) { return (__m512){0}; }
PLAIN __m512i _mm512_setzero_si512(void) { return (__m512i){0}; }
PLAIN __m512i _mm512_set1_epi32(int32_t x) { return (__m512i){0} + x; }
PLAIN __m512 _mm512_add_ps(__m512 a, __m512 b) { return a + b; }
PLAIN __m512i _mm512_slli_epi32(__m512i a, int bits) { return (__m512i)((plain_u)a << bits); }

PLAIN __m512 _mm512_loadu_ps(const void *p) { __m512 v; memcpy(&v, p, 64); return v; }
PLAIN void _mm512_storeu_ps(void *p, __m512 v) { memcpy(p, &v, 64); }
PLAIN __m512i _mm512_loadu_si512(const void *p) { __m512i v; memcpy(&v, p, 64); return v; }
PLAIN void _mm512_storeu_si512(void *p, __m512i v) { memcpy(p, &v, 64); }
PLAIN __m512i _mm512_load_si512(const void *p) { return *(const __m512i *)p; } /* which must be aligned */
PLAIN void _mm512_store_si512(void *p, __m512i v) { *(__m512i *)p = v; }
PLAIN __m256i _mm256_loadu_si256(const __m256i *p) { __m256i v; memcpy(&v, p, 32); return v; }
PLAIN void _mm256_storeu_si256(__m256i *p, __m256i v) { memcpy(p, &v, 32); }
PLAIN void _mm_storeu_si128(__m128i *p, __m128i v) { memcpy(p, &v, 16); }

PLAIN __m512 _mm512_maskz_loadu_ps(__mmask16 mask, const float *p) { __m512 v = {0}; EACH if (ON(mask)) v[i] = p[i]; return v; }
PLAIN __m256i _mm256_maskz_loadu_epi16(__mmask16 mask, const uint16_t *p) { __m256i v = {0}; EACH if (ON(mask)) v[i] = p[i]; return v; }
PLAIN __m128i _mm_maskz_loadu_epi8(__mmask16 mask, const uint8_t *p) { __m128i v = {0}; EACH if (ON(mask)) v[i] = p[i]; return v; }
PLAIN void _mm512_mask_storeu_ps(float *p, __mmask16 mask, __m512 v) { EACH if (ON(mask)) p[i] = v[i]; }
PLAIN void _mm256_mask_storeu_epi16(uint16_t *p, __mmask16 mask, __m256i v) { EACH if (ON(mask)) p[i] = v[i]; }
PLAIN void _mm_mask_storeu_epi8(uint8_t *p, __mmask16 mask, __m128i v) { EACH if (ON(mask)) p[i] = v[i]; }

PLAIN __m512 _mm512_mask_mov_ps(__m512 a, __mmask16 mask, __m512 b) { EACH if (ON(mask)) a[i] = b[i]; return a; }
PLAIN __m512 _mm512_maskz_mov_ps(__mmask16 mask, __m512 b) { return _mm512_mask_mov_ps((__m512){0}, mask, b); }
PLAIN __m512i _mm512_mask_mov_epi32(__m512i a, __mmask16 mask, __m512i b) { EACH if (ON(mask)) a[i] = b[i]; return a; }
PLAIN __mmask16 _mm512_cmpeq_epi32_mask(__m512i a, __m512i b) { __mmask16 m = 0; EACH m |= (a[i] == b[i]) << i; return m; }
PLAIN __mmask16 _mm512_cmp_ps_mask(__m512 a, __m512 b, int how) {
  __mmask16 m = 0;
  EACH m |= (how == _CMP_GT_OQ ? a[i] > b[i] : a[i] != a[i] || b[i] != b[i]) << i;
  return m;
}

PLAIN __m512i _mm512_cvtepu16_epi32(__m256i a) { return __builtin_convertvector(a, __m512i); }
PLAIN __m512i _mm512_cvtepu8_epi32(__m128i a) { return __builtin_convertvector(a, __m512i); }
PLAIN __m128i _mm512_cvtepi32_epi8(__m512i a) { return __builtin_convertvector(a, __m128i); }
PLAIN __m256bh _mm512_cvtneps_pbh(__m512 a) { /* to the nearest, ties to even; what is no number stays none */
  plain_u bits = (plain_u)a, rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16, none = (plain_u)(a != a);
  return __builtin_convertvector((none & (bits >> 16 | 0x40)) | (~none & rounded), __m256bh);
}
PLAIN __m512bh _mm512_cvtne2ps_pbh(__m512 high, __m512 low) {
  __m256bh halves[2] = {_mm512_cvtneps_pbh(low), _mm512_cvtneps_pbh(high)};
  __m512bh both;
  memcpy(&both, halves, 64);
  return both;
}
PLAIN __m512 _mm512_dpbf16_ps(__m512 sum, __m512bh a, __m512bh b) { /* products of neighbours, added to a sum */
  plain_u x = (plain_u)a, y = (plain_u)b;
  sum += (__m512)(x & 0xffff0000u) * (__m512)(y & 0xffff0000u);
  return sum + (__m512)(x << 16) * (__m512)(y << 16);
}

PLAIN __m512i _mm512_castsi256_si512(__m256i a) { __m512i v = {0}; memcpy(&v, &a, 32); return v; }
PLAIN __m512i _mm512_inserti64x4(__m512i a, __m256i b, int half) { memcpy((char *)&a + 32 * half, &b, 32); return a; }
PLAIN __m512i _mm512_permutexvar_epi16(__m512i order, __m512i a) {
  __m512bh from = (__m512bh)a, by = (__m512bh)order, to;
  for (int i = 0; i < 32; i++) to[i] = from[by[i] & 31];
  return (__m512i)to;
}
#define _mm512_set_epi16(...) plain_reversed((__m512bh){__VA_ARGS__})
PLAIN __m512i plain_reversed(__m512bh a) {
  __m512bh to;
  for (int i = 0; i < 32; i++) to[i] = a[31 - i];
  return (__m512i)to;
}
