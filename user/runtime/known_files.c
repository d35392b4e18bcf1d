/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/known_files.h"

#include <errno.h>

static int read_go(const char *path, struct known_file *file)
{
	return go_program_read(path, &file->go, &file->why);
}

static int read_tokio(const char *path, struct known_file *file)
{
	return tokio_program_read(path, &file->tokio, &file->why);
}

static int (*const reader_by_runtime[RUNTIMES])(const char *path, struct known_file *file) = {
	[RUNTIME_GO] = read_go,
	[RUNTIME_RUST] = read_tokio,
};

static bool is_of_the_file(int err)
{
	return err != -ENOMEM && err != -EMFILE && err != -ENFILE;
}

const struct known_file *known_files_read(struct known_files *known, const char *path, enum runtime runtime)
{
	struct file_identity identity = {};
	bool identified = !file_identify(path, &identity);
	struct known_file *file;

	for (size_t i = 0; identified && i < KNOWN_FILES_MAX; i++)
		if (known->files[i].runtime == runtime && file_is_same(&known->files[i].file, &identity))
			return &known->files[i];
	file = &known->files[known->next++ % KNOWN_FILES_MAX];
	*file = (struct known_file){.file = identity};
	file->err = reader_by_runtime[runtime](path, file);
	if (identified && is_of_the_file(file->err))
		file->runtime = runtime;
	return file;
}
