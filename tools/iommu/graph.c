// SPDX-License-Identifier: GPL-2.0-or-later
/* strait-iommu graph: the PCI tree as a drawing. */
/*
 * How this works
 *
 * The drawing is a text in Graphviz's language: a box for each function, filled
 * with its group's colour, and an edge for each bus. A port that does not
 * isolate what is below it has a red frame. Names come from sysfs or a record,
 * so they are cleaned and quoted.
 *
 * For SVG the text goes through Graphviz's program dot by files without names,
 * so that there is no pipe that could fill up on one side while the other
 * waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/common/text.h"
#include "tools/iommu/view.h"

/* --- the text --- */

/* Inside "": a backslash and a quote need one more backslash. */
static void put_text(FILE *f, const char *text)
{
	char copy[VIEW_TEXT_LEN];

	snprintf(copy, sizeof(copy), "%s", text);
	for (const char *c = text_clean(copy); *c; c++) {
		if (*c == '"' || *c == '\\')
			fputc('\\', f);
		fputc(*c, f);
	}
}

/* Steps of the golden ratio never come close to a hue that was there. */
static void put_color(FILE *f, int group)
{
	unsigned int hue = ((unsigned int)group * 618) % 1000;

	if (group < 0)
		fputs("white", f);
	else
		fprintf(f, "0.%03u 0.25 1.0", hue);
}

static void put_node(FILE *f, const struct view *v, const struct topo_fn *fn)
{
	char text[VIEW_TEXT_LEN], s[BDF_STR_LEN];
	enum table_color color;

	fprintf(f, "\t\"%s\" [label=\"%s  ", bdf_str(fn->pci.bdf, s), s);
	put_text(f, topo_type_name(fn));
	if (fn->pci.group >= 0)
		fprintf(f, "\\ngroup %d", fn->pci.group);
	if (fn->pci.driver[0]) {
		fputs(fn->pci.group >= 0 ? "  " : "\\n", f);
		put_text(f, fn->pci.driver);
	}
	fputs("\\n", f);
	put_text(f, view_name(v, &fn->pci, text));
	view_acs(fn, &color, text, sizeof(text));
	if (*text) {
		fputs("\\nACS: ", f);
		put_text(f, text);
	}
	fputs("\", fillcolor=\"", f);
	put_color(f, fn->pci.group);
	fprintf(f, "\"%s];\n",
		color == TABLE_RED ? ", color=red, penwidth=2" : "");
}

static void put_edge(FILE *f, const struct topo_fn *fn)
{
	char text[VIEW_TEXT_LEN], s[BDF_STR_LEN], up[BDF_STR_LEN];

	if (fn->parent)
		fprintf(f, "\t\"%s\" -> \"%s\"",
			bdf_str(fn->parent->pci.bdf, up),
			bdf_str(fn->pci.bdf, s));
	else
		fprintf(f, "\t\"pci%04x:%02x\" -> \"%s\"", fn->pci.bdf.domain,
			fn->pci.bdf.bus, bdf_str(fn->pci.bdf, s));
	view_link(&fn->link, text, sizeof(text));
	if (*text && fn->parent) {
		fputs(" [label=\"", f);
		put_text(f, text);
		fputs("\"]", f);
	}
	fputs(";\n", f);
}

static void put_graph(FILE *f, const struct view *v, const struct topo *t)
{
	fputs("digraph pci {\n"
	      "\trankdir=LR;\n"
	      "\tnode [shape=box, style=filled, fillcolor=white, fontname=\"sans-serif\", fontsize=10];\n"
	      "\tedge [fontname=\"sans-serif\", fontsize=9, arrowhead=none];\n",
	      f);
	for (unsigned int i = 0; i < t->nr; i++)
		put_node(f, v, &t->fns[i]);
	for (unsigned int i = 0; i < t->nr; i++)
		put_edge(f, &t->fns[i]);
	fputs("}\n", f);
}

/* --- Graphviz --- */

static int no_dot(int code, struct err *e)
{
	if (code != ENOENT) {
		errno = code;
		return err_sys(e, "dot", "run");
	}
	err_set(e, ENOENT,
		"dot: there is no such program: SVG is drawn by Graphviz");
	err_hint(
		e,
		"install the package graphviz, or take --format dot and draw it elsewhere");
	return -ENOENT;
}

static int run_dot(int in_fd, int out_fd, struct err *e)
{
	char name[] = "dot", format[] = "-Tsvg";
	char *argv[] = { name, format, NULL };
	posix_spawn_file_actions_t actions;
	int code, status;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in_fd, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
	code = posix_spawnp(&pid, name, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (code)
		return no_dot(code, e);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, "dot", "wait for it");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return no_dot(ENOENT, e);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return err_set(e, EIO, "dot: it failed; what it said is above");
	return 0;
}

static FILE *memory_file(struct err *e)
{
	int fd = memfd_create("strait-iommu", MFD_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w+");

	if (!f) {
		err_sys(e, "memory for the drawing", "memfd_create");
		if (fd >= 0)
			close(fd);
	}
	return f;
}

/* Puts what dot makes of text into svg. */
static int draw(FILE *text, FILE *svg, struct err *e)
{
	int ret;

	if (fflush(text) || lseek(fileno(text), 0, SEEK_SET) < 0)
		return err_sys(e, "memory for the drawing", "write");
	ret = run_dot(fileno(text), fileno(svg), e);
	rewind(svg);
	return ret;
}

/* --- output --- */

static void copy_out(FILE *from, FILE *to)
{
	char buf[4096];
	size_t n;

	rewind(from);
	while ((n = fread(buf, 1, sizeof(buf), from)))
		fwrite(buf, 1, n, to);
}

static void print_json(const struct view *v, FILE *from)
{
	json_t *doc = json_document("strait-iommu.graph/1");
	char *text = NULL;
	size_t len = 0;

	rewind(from);
	if (getdelim(&text, &len, '\0', from) < 0)
		len = 0;
	json_object_set_new(
		doc, "format",
		json_string(v->options->format == GRAPH_SVG ? "svg" : "dot"));
	json_object_set_new(doc, "text", json_string(len ? text : ""));
	json_print(doc, v->cli->out);
	free(text);
}

static int graph_topo(const struct view *v, const struct topo *t, struct err *e)
{
	FILE *text = memory_file(e), *svg = NULL;
	int ret = text ? 0 : -ENOMEM;

	if (text)
		put_graph(text, v, t);
	if (text && v->options->format == GRAPH_SVG) {
		svg = memory_file(e);
		ret = svg ? draw(text, svg, e) : -ENOMEM;
	}
	if (!ret && v->cli->json)
		print_json(v, svg ? svg : text);
	else if (!ret)
		copy_out(svg ? svg : text, v->cli->out);
	if (!ret)
		view_note_root(t);
	if (text)
		fclose(text);
	if (svg)
		fclose(svg);
	return ret;
}

int graph_run(struct cli *cli, struct err *e)
{
	struct topo t = { 0 };
	struct view v;
	int ret;

	if (view_open(&v, cli, e))
		return CLI_HOST;
	ret = view_topo(&v, &t, e);
	if (!ret)
		ret = graph_topo(&v, &t, e);
	topo_free(&t);
	view_close(&v);
	return ret ? CLI_HOST : CLI_OK;
}
