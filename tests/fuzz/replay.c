/* SPDX-License-Identifier: ISC */
/*
 * A main for the fuzz targets that needs no fuzzer: gives them each file that
 * is named, and each file of each folder that is named, in order of name, and
 * prints how many there were.  Having none is a failure, and so is one that
 * cannot be read.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fsio.h"
#include "base/mem.h"
#include "fuzz.h"

/* Bytes that a seed can have. */
#define SEED_MAX	(64 * 1024 * 1024)

static int
failed(const char *path)
{
	fprintf(stderr, "replay: '%s': %s\n", path, strerror(errno));
	return -1;
}

/* The target gets a copy of the exact size, so that reading on is seen. */
static void
run(const struct buf *seed)
{
	uint8_t *copy;

	copy = xmalloc(seed->len);
	if (seed->len > 0)
		memcpy(copy, seed->data, seed->len);
	LLVMFuzzerTestOneInput(copy, seed->len);
	free(copy);
}

static int
replay_file(const char *path, size_t *count)
{
	struct buf seed;
	int fd, rc;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return failed(path);
	buf_init(&seed, SEED_MAX);
	rc = fsio_read_all(fd, &seed);
	if (rc == 0) {
		run(&seed);
		(*count)++;
	} else {
		failed(path);
	}
	buf_release(&seed);
	close(fd);
	return rc;
}

static int
replay_folder(const char *path, size_t *count)
{
	struct dirent **entries;
	char *file;
	int i, n, rc = 0;

	n = scandir(path, &entries, NULL, alphasort);
	if (n == -1)
		return failed(path);
	for (i = 0; i < n; i++) {
		file = xasprintf("%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.' &&
		    replay_file(file, count) == -1)
			rc = -1;
		free(file);
		free(entries[i]);
	}
	free(entries);
	return rc;
}

int
main(int argc, char **argv)
{
	struct stat st;
	size_t count = 0;
	int i, rc = 0;

	for (i = 1; i < argc; i++) {
		if (stat(argv[i], &st) == -1)
			rc = failed(argv[i]);
		else if (S_ISDIR(st.st_mode) &&
		    replay_folder(argv[i], &count) == -1)
			rc = -1;
		else if (!S_ISDIR(st.st_mode) &&
		    replay_file(argv[i], &count) == -1)
			rc = -1;
	}
	printf("%zu replayed\n", count);
	return rc == 0 && count > 0 ? 0 : 1;
}
