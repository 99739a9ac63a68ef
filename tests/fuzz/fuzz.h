/* SPDX-License-Identifier: ISC */
/*
 * What the fuzz targets share.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* libFuzzer calls it, or tests/fuzz/replay.c. */
int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that is broken is a crash, which the fuzzer keeps. */
static inline void
must(bool holds)
{
	if (!holds)
		abort();
}

/*
 * How input is cut: 0 is one piece; up to 64 pieces of that size; above it
 * pieces that differ.
 */
static inline size_t
fuzz_piece(unsigned int cut, size_t at, size_t left)
{
	size_t n;

	if (cut == 0)
		return left;
	n = cut <= 64 ? cut : 1 + (at * 31 + cut) % (cut - 63);
	return n < left ? n : left;
}

#endif
