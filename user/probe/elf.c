/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/elf.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The signs, in the order in which they are believed: a Go program may well embed a symbol that looks like another's. */
enum sign { SIGN_SECTION, SIGN_SYMBOL, SIGN_LIBRARY, SIGN_COMMENT };

static const struct {
	enum runtime runtime;
	enum sign sign;
	const char *text; /* a library: how its name begins; the rest: the whole of it, or a part of a comment */
} signs[] = {
	{RUNTIME_GO, SIGN_SECTION, ".go.buildinfo"},
	{RUNTIME_GO, SIGN_SECTION, ".note.go.buildid"},
	{RUNTIME_NODE, SIGN_SYMBOL, "node_module_register"},
	{RUNTIME_NODE, SIGN_LIBRARY, "libnode.so"},
	{RUNTIME_JVM, SIGN_SYMBOL, "JNI_CreateJavaVM"},
	{RUNTIME_JVM, SIGN_LIBRARY, "libjvm.so"},
	{RUNTIME_JVM, SIGN_LIBRARY, "libjli.so"}, /* java, which opens libjvm later */
	{RUNTIME_PYTHON, SIGN_SYMBOL, "Py_BytesMain"},
	{RUNTIME_PYTHON, SIGN_SYMBOL, "Py_Main"},
	{RUNTIME_PYTHON, SIGN_LIBRARY, "libpython"},
	{RUNTIME_RUST, SIGN_SYMBOL, "rust_eh_personality"},
	{RUNTIME_RUST, SIGN_COMMENT, "rustc version"},
};

#define SIGNS (sizeof(signs) / sizeof(signs[0]))

static bool holds(size_t row, enum sign sign, const char *text)
{
	const char *wanted = signs[row].text;

	if (signs[row].sign != sign)
		return false;
	if (sign == SIGN_LIBRARY)
		return !strncmp(text, wanted, strlen(wanted));
	return sign == SIGN_COMMENT ? strstr(text, wanted) != NULL : !strcmp(text, wanted);
}

/* *best: the first row of `signs` that holds; SIGNS: none yet. */
static void believe(size_t *best, enum sign sign, const char *text)
{
	for (size_t i = 0; i < *best; i++)
		if (holds(i, sign, text))
			*best = i;
}

/* Only symbols that the file itself defines: one that it merely imports is somebody else's. */
static void look_at_symbols(size_t *best, Elf *elf, Elf_Scn *section, const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t count = header->sh_entsize ? header->sh_size / header->sh_entsize : 0;

	for (size_t i = 0; data && i < count; i++) {
		GElf_Sym symbol;
		const char *name;

		if (!gelf_getsym(data, (int)i, &symbol) || symbol.st_shndx == SHN_UNDEF)
			continue;
		name = elf_strptr(elf, header->sh_link, symbol.st_name);
		if (name)
			believe(best, SIGN_SYMBOL, name);
	}
}

static void look_at_libraries(size_t *best, Elf *elf, Elf_Scn *section, const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t count = header->sh_entsize ? header->sh_size / header->sh_entsize : 0;

	for (size_t i = 0; data && i < count; i++) {
		GElf_Dyn entry;
		const char *name;

		if (!gelf_getdyn(data, (int)i, &entry) || entry.d_tag != DT_NEEDED)
			continue;
		name = elf_strptr(elf, header->sh_link, entry.d_un.d_val);
		if (name)
			believe(best, SIGN_LIBRARY, name);
	}
}

/* Several strings, each ended by 0. */
static void look_at_comment(size_t *best, Elf_Scn *section)
{
	Elf_Data *data = elf_getdata(section, NULL);
	const char *text = data ? data->d_buf : NULL;

	for (size_t at = 0; text && at < data->d_size;) {
		size_t len = strnlen(text + at, data->d_size - at);

		if (at + len < data->d_size)
			believe(best, SIGN_COMMENT, text + at);
		at += len + 1;
	}
}

static size_t look_at_sections(Elf *elf)
{
	Elf_Scn *section = NULL;
	size_t best = SIGNS, names;

	if (elf_getshdrstrndx(elf, &names))
		return best;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;
		const char *name;

		if (!gelf_getshdr(section, &header))
			continue;
		name = elf_strptr(elf, names, header.sh_name);
		if (name)
			believe(&best, SIGN_SECTION, name);
		if (header.sh_type == SHT_DYNSYM || header.sh_type == SHT_SYMTAB)
			look_at_symbols(&best, elf, section, &header);
		else if (header.sh_type == SHT_DYNAMIC)
			look_at_libraries(&best, elf, section, &header);
		else if (name && !strcmp(name, ".comment") && header.sh_type == SHT_PROGBITS)
			look_at_comment(&best, section);
	}
	return best;
}

static enum runtime read_runtime(int fd)
{
	size_t best = SIGNS;
	Elf *elf;
	bool is_elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL); /* not mapped: whoever truncated the file meanwhile would kill who looks at it (SIGBUS) */
	is_elf = elf && elf_kind(elf) == ELF_K_ELF;
	if (is_elf)
		best = look_at_sections(elf);
	elf_end(elf);
	if (!is_elf)
		return 0;
	return best < SIGNS ? signs[best].runtime : RUNTIME_NATIVE;
}

enum runtime elf_runtime(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum runtime runtime;

	if (fd < 0)
		return 0;
	runtime = read_runtime(fd);
	close(fd);
	return runtime;
}

/* Asked of the open file, as the process may become another program at any time. */
static enum runtime known_runtime(struct known_programs *known, int fd)
{
	struct known_program program = {};
	struct stat status;

	if (fstat(fd, &status))
		return 0;
	program.file = file_identity_of(&status);
	for (size_t i = 0; i < KNOWN_PROGRAMS_MAX; i++) {
		const struct known_program *each = &known->programs[i];

		if (each->runtime && file_is_same(&each->file, &program.file))
			return each->runtime;
	}
	program.runtime = read_runtime(fd);
	known->programs[known->next++ % KNOWN_PROGRAMS_MAX] = program;
	return program.runtime;
}

/* A library may have been opened long after the start, as java does. */
static enum runtime mapped_runtime(pid_t pid)
{
	size_t best = SIGNS;
	char path[64], line[512];
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	if (!maps)
		return 0;
	while (fgets(line, sizeof(line), maps)) {
		const char *name = strrchr(line, '/');

		if (name)
			believe(&best, SIGN_LIBRARY, name + 1);
	}
	fclose(maps);
	return best < SIGNS ? signs[best].runtime : RUNTIME_NATIVE;
}

enum runtime process_runtime(struct known_programs *known, pid_t pid)
{
	enum runtime runtime = 0;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		runtime = known_runtime(known, fd);
		close(fd);
	}
	return runtime > RUNTIME_NATIVE ? runtime : mapped_runtime(pid);
}
