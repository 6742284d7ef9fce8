/* The tail of a block, y = activation(norm(x) [+ shortcut]), both ways, each as two passes over memory.
 *
 * Tensors are rows of channels (channels last): float32 or bf16 in and out, float32 arithmetic, double sums of few rows
 * each. Every thread owns a range of rows, and sums are combined in the order of the threads: the same bits for the same
 * number of threads. The file includes itself once for each vector width; which one runs is decided by the processor.
 */
#ifndef LANES

#include <math.h>
#include <stdint.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#else
#define omp_get_thread_num() 0
#define omp_get_num_threads() 1
#endif

typedef struct {
  const void *x, *shortcut, *y; /* [rows, channels]; shortcut may be null */
  const void *dy, *dy2;         /* the result's gradients: a second one, or null, where it goes two ways */
  void *out, *dx, *kept;        /* kept: dy + dy2 behind the activation, which is the shortcut's gradient, or null */
  const float *weight, *bias; /* [channels] */
  float *running_mean, *running_var;
  float *mean, *istd;       /* of the batch, or of the running statistics */
  float *dweight, *dbias;
  double *sums;             /* [threads, 2, channels] */
  int64_t rows, channels;
  int32_t bf16, relu, training, threads;
  double momentum, eps;
} Tail;

typedef void (*Pass)(const Tail *t, int64_t first, int64_t last, double *sums);
typedef struct { Pass statistics, apply, reduce, input_gradient; } Passes;

#define CHUNK 64 /* rows summed in float32 before they are added in double; small enough to stay in the nearest cache */

#if defined(__x86_64__) && defined(__GNUC__)
#define LANES 16
#define NAME(f) f##_avx512
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma")))
#include "tail.c"
#define LANES 8
#define NAME(f) f##_avx2
#define TARGET __attribute__((target("avx2,fma")))
#include "tail.c"
#endif
#define LANES 4
#define NAME(f) f##_any
#define TARGET
#include "tail.c"

static const Passes *passes(void) {
#if defined(__x86_64__) && defined(__GNUC__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
    return &passes_avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &passes_avx2;
#endif
  return &passes_any;
}

const char *tail_vectors(void) {
  const Passes *chosen = passes();
  return chosen == &passes_any ? "128 bits" :
#if defined(__x86_64__) && defined(__GNUC__)
         chosen == &passes_avx512 ? "AVX-512" : "AVX2";
#else
         "";
#endif
}

/* The checksum of what this was built from (compiled.py): a library of another version must not be called. */
uint32_t tail_source(void) { return SOURCE; }

static double total(const Tail *t, int which, int64_t channel) {
  double sum = 0;
  for (int i = 0; i < t->threads; i++) sum += t->sums[(2 * i + which) * t->channels + channel];
  return sum;
}

/* Sums are of x - x[0]: a large mean beside a tiny variance then cancels nothing. */
static void settle_statistics(const Tail *t) {
  for (int64_t c = 0; c < t->channels; c++) {
    double mean = t->running_mean ? t->running_mean[c] : 0, var = t->running_var ? t->running_var[c] : 1;
    if (t->training) {
      double n = (double)t->rows, shifted = total(t, 0, c) / n;
      mean = shifted + t->mean[c]; /* where the first pass left x[0] */
      var = total(t, 1, c) / n - shifted * shifted;
      if (var < 0) var = 0;
      if (t->running_mean) {
        t->running_mean[c] = (float)((1 - t->momentum) * t->running_mean[c] + t->momentum * mean);
        t->running_var[c] = (float)((1 - t->momentum) * t->running_var[c] + t->momentum * var * n / (n - 1));
      }
    }
    t->mean[c] = (float)mean;
    t->istd[c] = (float)(1 / sqrt(var + t->eps));
  }
}

static void settle_gradients(const Tail *t) {
  for (int64_t c = 0; c < t->channels; c++) {
    t->dbias[c] = (float)total(t, 0, c);
    t->dweight[c] = (float)(total(t, 1, c) * t->istd[c]);
  }
}

static void in_threads(Tail *t, Pass sum, void (*settle)(const Tail *), Pass write) {
#pragma omp parallel num_threads(t->threads)
  {
    int64_t me = omp_get_thread_num(), all = omp_get_num_threads();
    int64_t first = t->rows * me / all, last = t->rows * (me + 1) / all;
#pragma omp single
    t->threads = (int32_t)all; /* fewer than asked for, where the system gives fewer */
    if (sum) sum(t, first, last, t->sums + 2 * me * t->channels);
#pragma omp barrier
#pragma omp single
    settle(t);
    write(t, first, last, 0);
  }
}

void tail_forward(Tail *t) {
  if (t->training)
    for (int64_t c = 0; c < t->channels; c++) { /* the shift of the sums */
      uint32_t bits = t->bf16 ? (uint32_t)((const uint16_t *)t->x)[c] << 16 : ((const uint32_t *)t->x)[c];
      memcpy(t->mean + c, &bits, 4);
    }
  in_threads(t, t->training ? passes()->statistics : 0, settle_statistics, passes()->apply);
}

void tail_backward(Tail *t) { in_threads(t, passes()->reduce, settle_gradients, passes()->input_gradient); }

#else /* once for each width */

typedef float NAME(vf) __attribute__((vector_size(4 * LANES)));
typedef uint32_t NAME(vu) __attribute__((vector_size(4 * LANES)));
typedef uint16_t NAME(vh) __attribute__((vector_size(2 * LANES)));
#define vf NAME(vf)
#define vu NAME(vu)
#define vh NAME(vh)
#define INLINE TARGET static inline __attribute__((always_inline))

/* `lanes` values from an address; the last vector of a row may be shorter. */
INLINE vf NAME(load)(const void *p, int64_t i, int bf16, int lanes) {
  vf value = {0};
  if (!bf16) {
    if (lanes == LANES) memcpy(&value, (const float *)p + i, sizeof value);
    else memcpy(&value, (const float *)p + i, 4 * (size_t)lanes);
    return value;
  }
  vh half = {0};
  if (lanes == LANES) memcpy(&half, (const uint16_t *)p + i, sizeof half);
  else memcpy(&half, (const uint16_t *)p + i, 2 * (size_t)lanes);
  return (vf)(__builtin_convertvector(half, vu) << 16);
}

INLINE void NAME(store)(void *p, int64_t i, int bf16, int lanes, vf value) {
  if (!bf16) {
    if (lanes == LANES) memcpy((float *)p + i, &value, sizeof value);
    else memcpy((float *)p + i, &value, 4 * (size_t)lanes);
    return;
  }
  vu bits = (vu)value, rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16; /* to the nearest, ties to even */
  vu nan = (vu)(value != value);
  vh half = __builtin_convertvector((nan & 0x7fc0) | (~nan & rounded), vh);
  if (lanes == LANES) memcpy((uint16_t *)p + i, &half, sizeof half);
  else memcpy((uint16_t *)p + i, &half, 2 * (size_t)lanes);
}

INLINE vf NAME(where)(vu mask, vf value) { return (vf)(mask & (vu)value); }

/* Every vector of channels of every chunk of rows: SETUP once, ROW for each row, DONE at the end. */
#define FOR_VECTORS(FIRST, LAST, SETUP, ROW, DONE)                                     \
  for (int64_t from = FIRST; from < LAST; from += CHUNK) {                             \
    int64_t to = from + CHUNK < LAST ? from + CHUNK : LAST;                            \
    for (int64_t c = 0; c < t->channels; c += LANES) {                                 \
      const int lanes = (int)(t->channels - c < LANES ? t->channels - c : LANES);      \
      SETUP;                                                                           \
      if (lanes == LANES) { const int lanes = LANES; for (int64_t r = from; r < to; r++) { int64_t i = r * t->channels + c; ROW; } } \
      else for (int64_t r = from; r < to; r++) { int64_t i = r * t->channels + c; ROW; } \
      DONE;                                                                            \
    }                                                                                  \
  }
#define ADD_SUMS                                                       \
  for (int k = 0; k < lanes; k++) {                                    \
    sums[c + k] += s0[k];                                              \
    sums[t->channels + c + k] += s1[k];                                \
  }
#define LOAD(p) NAME(load)(p, i, bf16, lanes)
#define CONSTANT(p) NAME(load)(p, c, 0, lanes)
/* relu's gradient passes where its input is not below or at zero, as torch has it; NaN passes */
#define NORMED(v) (((v) - mean) * scale + shift)
#define MASKED(gradient, of) (relu ? NAME(where)(~(vu)((of) <= 0), gradient) : (gradient))

INLINE void NAME(statistics_)(const Tail *t, int64_t first, int64_t last, double *sums, const int bf16) {
  memset(sums, 0, 2 * sizeof(double) * (size_t)t->channels);
  FOR_VECTORS(first, last, vf origin = CONSTANT(t->mean); vf s0 = {0}; vf s1 = {0},
              vf v = LOAD(t->x) - origin; s0 += v; s1 += v * v, ADD_SUMS)
}

INLINE void NAME(apply_)(const Tail *t, int64_t first, int64_t last, const int bf16, const int relu, const int added) {
  FOR_VECTORS(first, last,
              vf mean = CONSTANT(t->mean); vf scale = CONSTANT(t->weight) * CONSTANT(t->istd); vf shift = CONSTANT(t->bias),
              vf v = NORMED(LOAD(t->x)); if (added) v += LOAD(t->shortcut);
              NAME(store)(t->out, i, bf16, lanes, MASKED(v, v)), )
}

INLINE void NAME(reduce_)(const Tail *t, int64_t first, int64_t last, double *sums, const int two, const int bf16, const int relu,
                          const int added) {
  void *const kept = t->kept;
  memset(sums, 0, 2 * sizeof(double) * (size_t)t->channels);
  FOR_VECTORS(first, last,
              vf mean = CONSTANT(t->mean); vf scale = CONSTANT(t->weight) * CONSTANT(t->istd); vf shift = CONSTANT(t->bias);
              vf s0 = {0}; vf s1 = {0},
              vf v = LOAD(t->x); vf q = LOAD(t->dy); if (two) q += LOAD(t->dy2);
              q = MASKED(q, added ? LOAD(t->y) : NORMED(v));
              if (two || (added && relu)) NAME(store)(kept, i, bf16, lanes, q);
              s0 += q; s1 += q * (v - mean), ADD_SUMS)
}

/* dx = w istd (q - mean(q) - (x - mean) istd^2 mean(q (x - mean))); without the two means where statistics are fixed */
INLINE void NAME(input_gradient_)(const Tail *t, int64_t first, int64_t last, const int two, const int bf16, const int relu,
                                  const int added) {
  const float n = t->training ? 1.0f / (float)t->rows : 0.0f;
  FOR_VECTORS(first, last,
              vf mean = CONSTANT(t->mean); vf istd = CONSTANT(t->istd); vf scale = CONSTANT(t->weight) * istd;
              vf shift = CONSTANT(t->bias); vf k0 = CONSTANT(t->dbias) * n * scale;
              vf k1 = CONSTANT(t->dweight) * n * istd * scale,
              vf v = LOAD(t->x); vf q = two || (added && relu) ? LOAD(t->kept) : MASKED(LOAD(t->dy), NORMED(v));
              NAME(store)(t->dx, i, bf16, lanes, q * scale - k0 - (v - mean) * k1), )
}

#define BY_KIND(PASS, ...)                                                                        \
  switch (t->bf16 * 4 + t->relu * 2 + (t->shortcut != 0)) {                                       \
    case 0: NAME(PASS)(__VA_ARGS__, 0, 0, 0); break; case 1: NAME(PASS)(__VA_ARGS__, 0, 0, 1); break; \
    case 2: NAME(PASS)(__VA_ARGS__, 0, 1, 0); break; case 3: NAME(PASS)(__VA_ARGS__, 0, 1, 1); break; \
    case 4: NAME(PASS)(__VA_ARGS__, 1, 0, 0); break; case 5: NAME(PASS)(__VA_ARGS__, 1, 0, 1); break; \
    case 6: NAME(PASS)(__VA_ARGS__, 1, 1, 0); break; case 7: NAME(PASS)(__VA_ARGS__, 1, 1, 1); break; \
  }

TARGET static void NAME(statistics)(const Tail *t, int64_t first, int64_t last, double *sums) {
  if (t->bf16) NAME(statistics_)(t, first, last, sums, 1);
  else NAME(statistics_)(t, first, last, sums, 0);
}
TARGET static void NAME(apply)(const Tail *t, int64_t first, int64_t last, double *sums) {
  (void)sums;
  BY_KIND(apply_, t, first, last)
}
TARGET static void NAME(reduce)(const Tail *t, int64_t first, int64_t last, double *sums) {
  if (t->dy2) BY_KIND(reduce_, t, first, last, sums, 1)
  else BY_KIND(reduce_, t, first, last, sums, 0)
}
TARGET static void NAME(input_gradient)(const Tail *t, int64_t first, int64_t last, double *sums) {
  (void)sums;
  if (t->dy2) BY_KIND(input_gradient_, t, first, last, 1)
  else BY_KIND(input_gradient_, t, first, last, 0)
}

static const Passes NAME(passes) = {NAME(statistics), NAME(apply), NAME(reduce), NAME(input_gradient)};

#undef LANES
#undef NAME
#undef TARGET
#undef INLINE
#undef vf
#undef vu
#undef vh
#undef FOR_VECTORS
#undef ADD_SUMS
#undef LOAD
#undef CONSTANT
#undef NORMED
#undef MASKED
#undef BY_KIND
#endif
