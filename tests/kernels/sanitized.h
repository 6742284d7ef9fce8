/* Numbers in bf16 for the programs that look for stray writes. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint16_t *noise(int64_t n) {
  uint16_t *memory = malloc((size_t)n * 2);
  for (int64_t i = 0; i < n; i++) {
    float value = (float)rand() / (float)RAND_MAX - 0.5f;
    uint32_t bits;
    memcpy(&bits, &value, 4);
    memory[i] = (uint16_t)(bits >> 16);
  }
  return memory;
}

static double number(uint16_t half) {
  uint32_t bits = (uint32_t)half << 16;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}
