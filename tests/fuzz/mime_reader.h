/* SPDX-License-Identifier: ISC */
/*
 * A MIME reader in memory, for fuzz_mime: what somebody sees of a message.
 */
#ifndef TESTS_FUZZ_MIME_READER_H
#define TESTS_FUZZ_MIME_READER_H

#include <stddef.h>

struct buf;
struct header;

/*
 * Appends structure, types, fields (but those of MIME) and decoded content,
 * with LF for CRLF; of parts that must not be touched every byte.
 */
void	mime_reader(const struct header *h, const char *body, size_t len,
	    struct buf *out);

#endif
