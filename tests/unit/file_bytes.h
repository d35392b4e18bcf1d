/* SPDX-License-Identifier: BSD-2-Clause */
/* A file's bytes, to be altered, and a file of such bytes. Included behind cmocka.h. */
#ifndef IOCPU_TESTS_FILE_BYTES_H
#define IOCPU_TESTS_FILE_BYTES_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MADE_PATH "/tmp/test-bytes-XXXXXX"

struct bytes {
	char *at;
	size_t size;
};

static inline struct bytes read_file(const char *path)
{
	struct bytes bytes = {0};
	FILE *file = fopen(path, "re");
	long size;

	assert_non_null(file);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	size = ftell(file);
	assert_true(size > 0);
	rewind(file);
	bytes.size = (size_t)size;
	bytes.at = malloc(bytes.size);
	assert_non_null(bytes.at);
	assert_int_equal(fread(bytes.at, 1, bytes.size, file), bytes.size);
	fclose(file);
	return bytes;
}

/* Makes a file of them; frees them. */
static inline void make_file(struct bytes bytes, char path[sizeof(MADE_PATH)])
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.at, bytes.size), bytes.size);
	close(fd);
	free(bytes.at);
}

#endif
