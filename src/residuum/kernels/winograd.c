/* Winograd's convolutions F(4x4, 3x3) in bf16, on processors with AVX-512 BF16: forward, and the gradient to the filters.
 *
 * Images are [n, height, width, channels] in bf16 and are cut into tiles of 4x4 pixels; winograd.py has the mathematics,
 * winograd.h its transforms. The 36 matrix products are computed for so many tiles at once as a core's own cache holds
 * (for the filters, as all cores' does), between the passes that move pixels into tiles and products out of them; what
 * lies in memory is asked for in advance. The processor adds the products of two bf16 numbers at once to each float32
 * sum: forward the two are neighbouring channels, for the filters they are neighbouring tiles. Channels are filled up
 * with zeros to panels of 32.
 *
 * A result can be pooled: of each 2x2 pixels only the largest leaves the cache, with a byte that says which of the four it
 * was, and so do its gradients come back. Sums are split by the shape alone, so the bits do not depend on the threads.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct { int64_t n, height, width, in_channels, out_channels, threads; } Shape;

#if defined(__x86_64__) && defined(__GNUC__)
#include "winograd.h"

#define PANEL 32         /* channels: two vectors of sums */
#define PAIRS 64         /* numbers of a panel's pairs */
#define ROWS 12          /* of a product, summed at once: 24 vectors of sums */
#define FEW_ROWS 8       /* the same for the filters: a part of a panel */
#define CACHE 250000     /* numbers that a core's own cache holds, of tiles and, of twice the size, products */
#define MOST_TILES 96    /* at once */
#define LEAST_PAIRED 64  /* tiles at once for the filters: more where there are more sums, which all are read and written each time */
#define MOST_PAIRED 512
#define LEAST_PART 512   /* tiles, of the parts that are summed apart */
#define MOST_PARTS 16
#define MOST_SUMS 4000000 /* of all parts */
#define AHEAD 2          /* tiles */

typedef struct { uint16_t *at; uint8_t *which; int64_t height, width, channels, down, across; } Images; /* tiles down and across one */
typedef struct { const uint16_t *at[36]; const uint8_t *which[16]; } Square; /* pixels; beyond the border they are zeros */
typedef struct { int64_t offset, rows, columns; } Place; /* of a tile's results, and how many the image has */

static int64_t padded(int64_t channels) { return (channels + PANEL - 1) / PANEL * PANEL; }

static Images cut(const uint16_t *at, const uint8_t *which, Shape t, int64_t channels) { /* `which` is 0 unless they are pooled */
  Images m = {(uint16_t *)at, (uint8_t *)which, t.height, t.width, channels, (t.height + 3) / 4, (t.width + 3) / 4};
  return m;
}

INLINE void ask(const void *p, int64_t bytes, const int write) { /* for memory that will be needed soon */
  for (int64_t k = 0; k < bytes; k += 64) {
    if (write) __builtin_prefetch((const char *)p + k, 1);
    else __builtin_prefetch((const char *)p + k, 0);
  }
}

/* Tile i: a square of pixels, of 6 with its border or of 4, or what was pooled of them; only zeros behind the last tile. */
INLINE void find(Square *q, Images m, int64_t i, int64_t end, const uint16_t *zeros, const int side, const int pooled) {
  const int border = side == 6, edge = pooled ? side / 2 + border : side, row = pooled ? 4 : 6, step = pooled ? 2 : 4;
  int64_t y = step * (i / m.across % m.down) - border, x = step * (i % m.across) - border;
  int64_t height = pooled ? m.height / 2 : m.height, width = pooled ? m.width / 2 : m.width;
  int64_t first = i / (m.down * m.across) * height * width;
  for (int r = 0; r < edge; r++)
    for (int s = 0; s < edge; s++) {
      int inside = i < end && y + r >= 0 && y + r < height && x + s >= 0 && x + s < width;
      int64_t offset = (first + (y + r) * width + x + s) * m.channels;
      q->at[row * r + s] = inside ? m.at + offset : zeros;
      if (pooled) q->which[row * r + s] = inside ? m.which + offset : (const uint8_t *)zeros;
    }
}

INLINE void ask_for(Images m, int64_t i, int64_t end, const uint16_t *zeros, const int side, const int pooled) {
  const int edge = pooled ? side / 2 + (side == 6) : side, row = pooled ? 4 : 6;
  Square q;
  find(&q, m, i, end, zeros, side, pooled);
  for (int r = 0; r < edge; r++)
    for (int s = 0; s < edge; s++) {
      ask(q.at[row * r + s], 2 * m.channels, 0);
      if (pooled) ask(q.which[row * r + s], m.channels, 0);
    }
}

/* Each number of a pooled gradient to the pixel that it belongs to. */
INLINE void spread(vf *v, const Square *q, int64_t c, __mmask16 mask, const int side) {
  const int border = side == 6;
  UNROLL for (int j = 0; j < 16; j++) {
    if (!border && (j > 5 || j % 4 > 1)) continue;
    vf number = load(q->at[j] + c, mask);
    __m512i which = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, q->which[j] + c));
    UNROLL for (int k = 0; k < 4; k++) {
      const int r = 2 * (j / 4) + k / 2 - border, s = 2 * (j % 4) + k % 2 - border;
      if (r < 0 || r >= side || s < 0 || s >= side) continue;
      v[6 * r + s] = (vf)_mm512_maskz_mov_ps(_mm512_cmpeq_epi32_mask(which, _mm512_set1_epi32(k)), (__m512)number);
    }
  }
}

INLINE void transform_lanes(vf *v, const Square *q, int64_t c, __mmask16 mask, const int side, const int pooled) {
  if (pooled) spread(v, q, c, mask, side);
  UNROLL for (int s = 0; s < side; s++) {
    if (!pooled) UNROLL for (int r = 0; r < side; r++) v[6 * r + s] = load(q->at[6 * r + s] + c, mask);
    if (side == 6) input_1d(v + s, 6);
    else gradient_1d(v + s, 6);
  }
  UNROLL for (int r = 0; r < 6; r++) {
    if (side == 6) input_1d(v + 6 * r, 1);
    else gradient_1d(v + 6 * r, 1);
  }
}

INLINE void transform(vf *v, const Square *q, int64_t c, __mmask16 mask, const int side, const int pooled) {
  if (mask == ALL) transform_lanes(v, q, c, ALL, side, pooled);
  else transform_lanes(v, q, c, mask, side, pooled);
}

/* to[r] = the sums of a's row r with a panel, over pairs; added to what is there if `add`. */
INLINE void multiply(float *to, const uint16_t *a, int64_t row, int64_t pair, const uint16_t *b, int64_t pairs, const int rows, const int add) {
  __m512 sums[ROWS][2];
  UNROLL for (int r = 0; r < rows; r++) {
    sums[r][0] = add ? _mm512_loadu_ps(to + r * PANEL) : _mm512_setzero_ps();
    sums[r][1] = add ? _mm512_loadu_ps(to + r * PANEL + LANES) : _mm512_setzero_ps();
  }
  for (int64_t p = 0; p < pairs; p++, a += pair, b += PAIRS) {
    __m512bh left = (__m512bh)_mm512_loadu_si512(b), right = (__m512bh)_mm512_loadu_si512(b + PAIRS / 2);
    UNROLL for (int r = 0; r < rows; r++) {
      int32_t two;
      memcpy(&two, a + r * row, sizeof two);
      __m512bh both = (__m512bh)_mm512_set1_epi32(two);
      sums[r][0] = _mm512_dpbf16_ps(sums[r][0], left, both);
      sums[r][1] = _mm512_dpbf16_ps(sums[r][1], right, both);
    }
  }
  UNROLL for (int r = 0; r < rows; r++) {
    _mm512_storeu_ps(to + r * PANEL, sums[r][0]);
    _mm512_storeu_ps(to + r * PANEL + LANES, sums[r][1]);
  }
}

INLINE Place place(Images m, int64_t i) {
  int64_t side = m.which ? 2 : 4, height = m.which ? m.height / 2 : m.height, width = m.which ? m.width / 2 : m.width;
  int64_t y = side * (i / m.across % m.down), x = side * (i % m.across);
  Place p = {((i / (m.down * m.across) * height + y) * width + x) * m.channels, height - y, width - x};
  return p;
}

INLINE void ask_for_place(Images m, Place p, int64_t c, const int pooled) {
  const int side = pooled ? 2 : 4;
  for (int64_t r = 0; r < side; r++)
    for (int64_t s = 0; s < side; s++) {
      int64_t offset = p.offset + (r * (pooled ? m.width / 2 : m.width) + s) * m.channels + c;
      ask(m.at + offset, 2 * PANEL, 1);
      if (pooled) ask(m.which + offset, PANEL, 1);
    }
}

/* The largest of 2x2 pixels. As torch has it: a later one must be larger, or not a number. */
INLINE void put_largest(uint16_t *to, uint8_t *index, const vf *v, __mmask16 mask) {
  __m512 most = (__m512)v[0];
  __m512i which = _mm512_setzero_si512();
  UNROLL for (int k = 1; k < 4; k++) {
    __m512 one = (__m512)v[k / 2 * 6 + k % 2];
    __mmask16 later = _mm512_cmp_ps_mask(one, most, _CMP_GT_OQ) | _mm512_cmp_ps_mask(one, one, _CMP_UNORD_Q);
    most = _mm512_mask_mov_ps(most, later, one);
    which = _mm512_mask_mov_epi32(which, later, _mm512_set1_epi32(k));
  }
  store(to, (vf)most, mask);
  if (mask == ALL) _mm_storeu_si128((__m128i *)index, _mm512_cvtepi32_epi8(which));
  else _mm_mask_storeu_epi8(index, mask, _mm512_cvtepi32_epi8(which));
}

/* 4x4 pixels from 36 products that lie `step` apart. */
INLINE void put_tile(Images to, Place p, const float *products, int64_t step, int64_t c, __mmask16 mask, const int pooled) {
  vf v[36];
  UNROLL for (int s = 0; s < 6; s++) {
    UNROLL for (int r = 0; r < 6; r++) v[6 * r + s] = (vf)_mm512_loadu_ps(products + (6 * r + s) * step);
    output_1d(v + s, 6);
  }
  UNROLL for (int r = 0; r < 4; r++) output_1d(v + 6 * r, 1);
  const int side = pooled ? 2 : 4;
  UNROLL for (int k = 0; k < side * side; k++) {
    const int r = k / side, s = k % side;
    if (r >= p.rows || s >= p.columns) continue;
    int64_t offset = p.offset + (r * (pooled ? to.width / 2 : to.width) + s) * to.channels + c;
    if (pooled) put_largest(to.at + offset, to.which + offset, v + 12 * r + 2 * s, mask);
    else store(to.at + offset, v[6 * r + s], mask);
  }
}

/* packed: [out / 32, 36, in / 2, 32, 2] from weights [9, in, out]. */
TARGET void winograd_pack(const float *weights, uint16_t *packed, const Shape *s) {
  Shape t = *s;
  int64_t in = t.in_channels, out = t.out_channels, pairs = padded(in) / 2;
#pragma omp parallel for num_threads(t.threads)
  for (int64_t i = 0; i < padded(out) / PANEL * pairs; i++)
    for (int64_t half = 0; half < 2; half++) {
      int64_t c = 2 * (i % pairs), k0 = i / pairs * PANEL + half * LANES;
      vf v[2][36];
      for (int j = 0; j < 2; j++) {
        __mmask16 mask = c + j < in ? lanes(out, k0) : 0;
        UNROLL for (int k = 0; k < 9; k++) v[j][k / 3 * 6 + k % 3] = (vf)_mm512_maskz_loadu_ps(mask, weights + (k * in + c + j) * out + k0);
        UNROLL for (int k = 0; k < 3; k++) filter_1d(v[j] + k, 6);
        UNROLL for (int k = 0; k < 6; k++) filter_1d(v[j] + 6 * k, 1);
      }
      uint16_t *to = packed + (i / pairs * 36 * pairs + i % pairs) * PAIRS + half * PAIRS / 2;
      UNROLL for (int k = 0; k < 36; k++) store_pairs(to + k * pairs * PAIRS, v[0][k], v[1][k]);
    }
}

/* So many tiles from the first, room: [36, tiles, channels]. */
INLINE void put_tiles(uint16_t *room, int64_t step, Images from, int64_t first, int64_t count, int64_t end, const uint16_t *zeros, const int pooled) {
  int64_t in = padded(from.channels);
  for (int64_t i = 0; i < count; i++) {
    Square q;
    ask_for(from, first + i + AHEAD, end, zeros, 6, pooled);
    find(&q, from, first + i, end, zeros, 6, pooled);
    for (int64_t c = 0; c < in; c += LANES) {
      vf v[36];
      transform(v, &q, c, lanes(from.channels, c), 6, pooled);
      UNROLL for (int k = 0; k < 36; k++) store(room + k * step + i * in + c, v[k], ALL);
    }
  }
}

INLINE void put_results(Images to, const Place *places, int64_t count, const float *products, int64_t step, int64_t panel, const int pooled) {
  for (int64_t i = 0; i < count; i++) {
    if (i + AHEAD < count) ask_for_place(to, places[i + AHEAD], panel, pooled);
    for (int64_t c = 0; c < PANEL; c += LANES)
      put_tile(to, places[i], products + i * PANEL + c, step, panel + c, lanes(to.channels, panel + c), pooled);
  }
}

/* y = the convolution of x, both with a border of one pixel; pooled where there is room for which. Returns 0, or 1 where there is no memory. */
TARGET int32_t winograd_convolve(const uint16_t *x, const uint8_t *x_which, const uint16_t *packed, uint16_t *y, uint8_t *y_which, const Shape *s) {
  Shape t = *s;
  Images from = cut(x, x_which, t, t.in_channels), to = cut(y, y_which, t, t.out_channels);
  int64_t in = padded(t.in_channels), tiles = t.n * from.down * from.across, together = CACHE / (36 * (in + 2 * PANEL)) / ROWS * ROWS;
  together = together < ROWS ? ROWS : together > MOST_TILES ? MOST_TILES : together;
  int64_t step = together * in + PANEL, product_step = together * PANEL + LANES; /* not a power of two: lines would push each other out */
  int32_t failed = 0;
#pragma omp parallel num_threads(t.threads) reduction(| : failed)
  {
    uint16_t *room = aligned_alloc(64, (size_t)(36 * step) * 2), *zeros = calloc((size_t)in, 2);
    float *products = aligned_alloc(64, (size_t)(36 * product_step) * 4);
    Place places[MOST_TILES];
    failed = !room || !products || !zeros;
    if (!failed) memset(room, 0, (size_t)(36 * step) * 2);
#pragma omp for
    for (int64_t first = 0; first < tiles; first += together) {
      if (failed) continue;
      int64_t count = first + together < tiles ? together : tiles - first;
      for (int64_t i = 0; i < count; i++) places[i] = place(to, first + i);
      if (x_which) put_tiles(room, step, from, first, count, tiles, zeros, 1);
      else put_tiles(room, step, from, first, count, tiles, zeros, 0);
      for (int64_t panel = 0; panel < padded(t.out_channels); panel += PANEL) {
        const uint16_t *filters = packed + panel * 36 * in;
        for (int64_t k = 0; k < 36; k++, filters += in * PANEL)
          for (int64_t i = 0; i < count; i += ROWS)
            multiply(products + k * product_step + i * PANEL, room + k * step + i * in, in, 2, filters, in / 2, ROWS, 0);
        if (y_which) put_results(to, places, count, products, product_step, panel, 1);
        else put_results(to, places, count, products, product_step, panel, 0);
      }
    }
    free(room);
    free(products);
    free(zeros);
  }
  return failed;
}

/* Tiles i and i + 1 as pairs, room: [36, channels / 32, tiles / 2, 32, 2]. */
INLINE void put_pair(uint16_t *room, int64_t step, int64_t at_once, Images m, int64_t first, int64_t i, int64_t end, const uint16_t *zeros,
                     const int side, const int pooled) {
  Square one, other;
  ask_for(m, first + i + AHEAD, end, zeros, side, pooled);
  ask_for(m, first + i + AHEAD + 1, end, zeros, side, pooled);
  find(&one, m, first + i, end, zeros, side, pooled);
  find(&other, m, first + i + 1, end, zeros, side, pooled);
  for (int64_t c = 0; c < padded(m.channels); c += LANES) {
    vf v[36], w[36];
    transform(v, &one, c, lanes(m.channels, c), side, pooled);
    transform(w, &other, c, lanes(m.channels, c), side, pooled);
    uint16_t *to = room + c / PANEL * at_once * PANEL + i * PANEL + c % PANEL * 2;
    for (int k = 0; k < 36; k++) {
      ask(to + k * step + PAIRS, 64, 1);
      store_pairs(to + k * step, v[k], w[k]);
    }
  }
}

typedef struct { Images x, dy; int64_t in, out, tiles, at_once, threads; } Sums; /* over tiles; channels with those that fill panels */
typedef struct { uint16_t *x, *dy, *zeros; int64_t x_step, dy_step; } Rooms; /* for the tiles that are added at once */

INLINE Rooms open_rooms(Sums m) {
  Rooms r = {0, 0, calloc((size_t)(m.in > m.out ? m.in : m.out), 2), m.at_once * m.in + PANEL, m.at_once * m.out + PANEL};
  r.x = aligned_alloc(64, (size_t)(36 * r.x_step) * 2), r.dy = aligned_alloc(64, (size_t)(36 * r.dy_step) * 2);
  return r;
}

INLINE int32_t is_missing(Rooms r) { return !r.x || !r.dy || !r.zeros; }

INLINE void close_rooms(Rooms r) {
  free(r.x);
  free(r.dy);
  free(r.zeros);
}

INLINE void put_both(Rooms r, Sums m, int64_t first, int64_t i) {
  put_pair(r.x, r.x_step, m.at_once, m.x, first, i, m.tiles, r.zeros, 6, 0);
  if (m.dy.which) put_pair(r.dy, r.dy_step, m.at_once, m.dy, first, i, m.tiles, r.zeros, 4, 1);
  else put_pair(r.dy, r.dy_step, m.at_once, m.dy, first, i, m.tiles, r.zeros, 4, 0);
}

/* Block b of 36 * out / 32: so many tiles' products of one panel of dy with all of x, added to totals or first in them. */
INLINE void sum_block(float *totals, Rooms r, Sums m, int64_t count, int64_t b, int64_t add) {
  int64_t k = b / (m.out / PANEL);
  const uint16_t *panel = r.dy + k * r.dy_step + b % (m.out / PANEL) * m.at_once * PANEL, *columns = r.x + k * r.x_step;
  float *total = totals + b * m.in * PANEL;
  for (int64_t c = 0; c < m.in; c += PANEL, columns += m.at_once * PANEL)
    for (int64_t row = 0; row < PANEL; row += FEW_ROWS, total += FEW_ROWS * PANEL) {
      ask(total + FEW_ROWS * PANEL, 4 * FEW_ROWS * PANEL, 1);
      if (add) multiply(total, panel + 2 * row, 2, PAIRS, columns, (count + 1) / 2, FEW_ROWS, 1);
      else multiply(total, panel + 2 * row, 2, PAIRS, columns, (count + 1) / 2, FEW_ROWS, 0);
    }
}

/* All threads add up the same tiles, each some of the sums. */
TARGET static int32_t sum_together(float *totals, Sums m) {
  Rooms r = open_rooms(m);
  int32_t failed = is_missing(r);
#pragma omp parallel num_threads(m.threads)
  for (int64_t first = 0; first < m.tiles && !failed; first += m.at_once) {
    int64_t count = first + m.at_once < m.tiles ? m.at_once : m.tiles - first;
#pragma omp for
    for (int64_t i = 0; i < count; i += 2) put_both(r, m, first, i);
#pragma omp for
    for (int64_t b = 0; b < 36 * (m.out / PANEL); b++) sum_block(totals, r, m, count, b, first);
  }
  close_rooms(r);
  return failed;
}

/* Each thread adds up other tiles, in its own caches; totals has room for all parts. */
TARGET static int32_t sum_apart(float *totals, Sums m, int64_t parts) {
  int64_t part = (m.tiles + 2 * parts - 1) / (2 * parts) * 2;
  int32_t failed = 0;
#pragma omp parallel num_threads(m.threads) reduction(| : failed)
  {
    Rooms r = open_rooms(m);
    failed = is_missing(r);
#pragma omp for
    for (int64_t p = 0; p < parts; p++) {
      int64_t end = (p + 1) * part < m.tiles ? (p + 1) * part : m.tiles;
      for (int64_t first = p * part; first < end && !failed; first += m.at_once) {
        int64_t count = first + m.at_once < end ? m.at_once : end - first;
        for (int64_t i = 0; i < count; i += 2) put_both(r, m, first, i);
        for (int64_t b = 0; b < 36 * (m.out / PANEL); b++) sum_block(totals + p * 36 * m.in * m.out, r, m, count, b, first > p * part);
      }
    }
    close_rooms(r);
  }
  return failed;
}

/* In how many parts the sums over tiles are computed, by the shape alone: few sums in many, since threads share no cache. */
int64_t winograd_parts(const Shape *s) {
  int64_t tiles = s->n * ((s->height + 3) / 4) * ((s->width + 3) / 4), size = 36 * padded(s->in_channels) * padded(s->out_channels), parts = 1;
  while (parts < MOST_PARTS && 2 * parts * size <= MOST_SUMS && tiles >= 2 * parts * LEAST_PART) parts *= 2;
  return parts;
}

/* weights: [9, out, in], the gradient to them; totals: room for [parts, 36, out / 32, in / 32, 32, 32]. */
TARGET int32_t winograd_filters(const uint16_t *x, const uint16_t *dy, const uint8_t *which, float *totals, float *weights, const Shape *s) {
  Shape t = *s;
  Images from = cut(x, 0, t, t.in_channels), to = cut(dy, which, t, t.out_channels);
  int64_t at_once = padded(t.in_channels) * padded(t.out_channels) / 128;
  at_once = at_once < LEAST_PAIRED ? LEAST_PAIRED : at_once > MOST_PAIRED ? MOST_PAIRED : at_once;
  Sums m = {from, to, padded(t.in_channels), padded(t.out_channels), t.n * from.down * from.across, at_once, t.threads};
  int64_t parts = winograd_parts(s), size = m.in * m.out;
  int32_t failed = parts > 1 ? sum_apart(totals, m, parts) : sum_together(totals, m);
#pragma omp parallel for num_threads(t.threads)
  for (int64_t o = 0; o < t.out_channels; o++)
    for (int64_t c = 0; c < t.in_channels && !failed; c += LANES) {
      const float *total = totals + ((o / PANEL * (m.in / PANEL) + c / PANEL) * PANEL + o % PANEL) * PANEL + c % PANEL;
      vf v[36];
      UNROLL for (int k = 0; k < 36; k++) v[k] = (vf)_mm512_loadu_ps(total + k * size);
      for (int64_t p = 1; p < parts; p++)
        UNROLL for (int k = 0; k < 36; k++) v[k] += (vf)_mm512_loadu_ps(total + (36 * p + k) * size);
      UNROLL for (int k = 0; k < 6; k++) weight_1d(v + k, 6);
      UNROLL for (int k = 0; k < 3; k++) weight_1d(v + 6 * k, 1);
      UNROLL for (int k = 0; k < 9; k++)
        _mm512_mask_storeu_ps(weights + (k * t.out_channels + o) * t.in_channels + c, lanes(t.in_channels, c), (__m512)v[k / 3 * 6 + k % 3]);
    }
  return failed;
}

/* Whether this processor has what is needed. */
int32_t winograd_runs(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq");
}

/* Whether it has nothing better, too: AMX has oneDNN's own. */
int32_t winograd_pays(void) { return winograd_runs() && !__builtin_cpu_supports("amx-bf16"); }
#else
void winograd_pack(const float *weights, uint16_t *packed, const Shape *s) { (void)weights, (void)packed, (void)s; }
int32_t winograd_convolve(const uint16_t *x, const uint8_t *x_which, const uint16_t *packed, uint16_t *y, uint8_t *y_which, const Shape *s) {
  (void)x, (void)x_which, (void)packed, (void)y, (void)y_which, (void)s;
  return 1;
}
int32_t winograd_filters(const uint16_t *x, const uint16_t *dy, const uint8_t *which, float *totals, float *weights, const Shape *s) {
  (void)x, (void)dy, (void)which, (void)totals, (void)weights, (void)s;
  return 1;
}
int64_t winograd_parts(const Shape *s) { return (void)s, 1; }
int32_t winograd_runs(void) { return 0; }
int32_t winograd_pays(void) { return 0; }
#endif

/* The checksum of what this was built from (compiled.py): a library of another version must not be called. */
uint32_t winograd_source(void) { return SOURCE; }
