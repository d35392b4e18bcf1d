/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/metrics_text.h"

#include <inttypes.h>
#include <stdbool.h>

#include "util/utf8.h"

#define NS_PER_SECOND 1000000000ull

static bool is_plain(const char *text)
{
	while (*text >= ' ' && *text <= '~' && *text != '"' && *text != '\\')
		text++;
	return !*text;
}

static void put_escaped(FILE *out, const char *text)
{
	if (is_plain(text)) {
		fputs_unlocked(text, out);
		return;
	}
	while (*text) {
		uint32_t code;
		size_t bytes = utf8_decode(text, &code);

		if (code == UTF8_INVALID)
			fputs_unlocked("\xef\xbf\xbd", out);
		else if (*text == '\n')
			fputs_unlocked("\\n", out);
		else if (*text == '\\' || *text == '"')
			fprintf(out, "\\%c", *text);
		else
			fwrite_unlocked(text, 1, bytes, out);
		text += bytes;
	}
}

void text_label(FILE *out, bool more, const char *name, const char *value)
{
	fputs_unlocked(more ? "," : "", out);
	fputs_unlocked(name, out);
	fputs_unlocked("=\"", out);
	put_escaped(out, value);
	putc_unlocked('"', out);
}

/* "0.0005", "1.0": always a number with a fraction, as the edges of OpenMetrics must be; in both formats, lest they be two series. */
static const char *seconds_of(uint64_t ns, char text[32])
{
	int length = snprintf(text, 32, "%" PRIu64 ".%09" PRIu64, ns / (uint64_t)NS_PER_SECOND, ns % (uint64_t)NS_PER_SECOND);

	while (text[length - 1] == '0' && text[length - 2] != '.')
		text[--length] = 0;
	return text;
}

void text_seconds(FILE *out, uint64_t ns)
{
	char text[32];

	fputs_unlocked(seconds_of(ns, text), out);
}

static void put_sample(FILE *out, const char *name, const char *suffix, const struct text_labels *labels, const char *edge)
{
	bool any = *labels->ready || labels->name;

	fputs_unlocked(name, out);
	fputs_unlocked(suffix, out);
	if (any || edge) {
		putc_unlocked('{', out);
		fputs_unlocked(labels->ready, out);
		if (labels->name)
			text_label(out, *labels->ready, labels->name, labels->value);
		if (edge)
			text_label(out, any, "le", edge);
		putc_unlocked('}', out);
	}
	putc_unlocked(' ', out);
}

void text_sample(FILE *out, const char *name, const char *suffix, const struct text_labels *labels)
{
	put_sample(out, name, suffix, labels, NULL);
}

static void put_exemplar(FILE *out, const struct text_exemplar *exemplar)
{
	fputs_unlocked(" # {", out);
	text_label(out, false, "request_id", exemplar->request_id);
	fputs_unlocked("} ", out);
	text_seconds(out, exemplar->value_ns);
	fprintf(out, " %" PRIu64 ".%03" PRIu64, exemplar->at_unix_ns / (uint64_t)NS_PER_SECOND,
		exemplar->at_unix_ns % (uint64_t)NS_PER_SECOND / 1000000);
}

void text_histogram(FILE *out, const char *name, const struct text_labels *labels, const struct text_times *times,
		    const struct text_exemplar *exemplar)
{
	bool has_exemplar = exemplar && exemplar->request_id;
	uint64_t below = 0;
	char edge[32];

	for (size_t i = 0; i <= times->edge_count; i++) {
		bool last = i == times->edge_count;

		below += times->counts[i];
		put_sample(out, name, "_bucket", labels, last ? "+Inf" : seconds_of(times->edges_ns[i], edge));
		fprintf(out, "%" PRIu64, below);
		if (has_exemplar && (last || exemplar->value_ns <= times->edges_ns[i])) {
			put_exemplar(out, exemplar);
			has_exemplar = false;
		}
		putc_unlocked('\n', out);
	}
	put_sample(out, name, "_sum", labels, NULL);
	text_seconds(out, times->sum_ns);
	putc_unlocked('\n', out);
	put_sample(out, name, "_count", labels, NULL);
	fprintf(out, "%" PRIu64 "\n", below);
}
