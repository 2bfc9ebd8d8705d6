#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

enum { BAR_CELLS = 30 };
#define FIRST_DRAW_NS UINT64_C(1000000000)
#define REDRAW_NS UINT64_C(100000000)

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

void progress_start(struct progress *p, const char *label, uint64_t total, bool wanted)
{
	*p = (struct progress){
		.label = label,
		.total = total,
		.started_ns = now_ns(),
		.on_terminal = wanted && isatty(STDERR_FILENO) == 1,
	};
}

void progress_start_time(struct progress *p, const char *label, uint64_t total_ms, bool wanted)
{
	progress_start(p, label, total_ms, wanted);
	p->is_time = true;
}

static void format_bar(char *out, size_t size, const struct progress *p)
{
	if (p->total == 0) {
		out[0] = 0;
		return;
	}
	uint64_t done = p->done < p->total ? p->done : p->total;
	int cells = (int)((double)done / (double)p->total * BAR_CELLS);
	char bar[BAR_CELLS + 1];
	memset(bar, '#', (size_t)cells);
	memset(bar + cells, '.', (size_t)(BAR_CELLS - cells));
	bar[BAR_CELLS] = 0;
	snprintf(out, size, "[%s] %3d %%  ", bar, (int)((double)done / (double)p->total * 100));
}

static int format_time(char *out, size_t size, const struct progress *p, const char *bar)
{
	char left[32];
	text_duration(left, sizeof(left), p->total > p->done ? (p->total - p->done) / 1000 + 1 : 0);
	return snprintf(out, size, "\r%s %s%s left\033[K", p->label, bar, left);
}

static int format_bytes(char *out, size_t size, const struct progress *p, const char *bar, uint64_t now)
{
	char done[32], speed[32], left[48] = "";
	uint64_t elapsed_ns = now - p->started_ns;
	double bytes_per_s = (double)p->done * 1e9 / (double)(elapsed_ns > 0 ? elapsed_ns : 1);
	text_size(done, sizeof(done), p->done);
	text_size(speed, sizeof(speed), (uint64_t)bytes_per_s);
	if (p->total > p->done && bytes_per_s > 1) {
		char duration[32];
		double seconds = (double)(p->total - p->done) / bytes_per_s;
		text_duration(duration, sizeof(duration), (uint64_t)seconds + 1);
		snprintf(left, sizeof(left), ", %s left", duration);
	}
	return snprintf(out, size, "\r%s %s%s, %s/s%s\033[K", p->label, bar, done, speed, left);
}

static void draw(struct progress *p, uint64_t now)
{
	char bar[64], line[200];
	format_bar(bar, sizeof(bar), p);
	int n = p->is_time ? format_time(line, sizeof(line), p, bar) : format_bytes(line, sizeof(line), p, bar, now);
	size_t len = n < (int)sizeof(line) ? (size_t)n : sizeof(line) - 1;
	/* A bar that cannot be drawn is no reason to stop. */
	if (write(STDERR_FILENO, line, len) < 0)
		p->on_terminal = false;
	p->drawn_ns = now;
	p->is_drawn = true;
}

void progress_set(struct progress *p, uint64_t done)
{
	p->done = done;
	if (!p->on_terminal)
		return;
	uint64_t now = now_ns();
	if (now - p->started_ns >= FIRST_DRAW_NS && now - p->drawn_ns >= REDRAW_NS)
		draw(p, now);
}

void progress_end(struct progress *p)
{
	if (p->is_drawn && write(STDERR_FILENO, "\r\033[K", 4) < 0)
		p->on_terminal = false;
	p->is_drawn = false;
}
