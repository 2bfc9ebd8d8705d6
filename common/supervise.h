/*
 * supervise: starts the programs of one box the way systemd would, for `weir-sender run` and
 * `weir-receiver run`: named descriptors (LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES; read by
 * service_socket), a process group each, an end with their parent's end (PR_SET_PDEATHSIG).
 *
 * A program that ends is started again: after 100 ms, then twice as long each time up to 5 s, and
 * after 100 ms again once it has lived for 10 s.  The caller has a single thread and no children of
 * its own.
 */
#ifndef WEIR_SUPERVISE_H
#define WEIR_SUPERVISE_H

#include <stdbool.h>
#include <stddef.h>

enum {
	SUPERVISE_PROGRAMS_MAX = 8,
	SUPERVISE_SOCKETS_MAX = 8,
	SUPERVISE_CONNECTIONS_MAX = 128,
	SUPERVISE_DELAY_MIN_MS = 100,
	SUPERVISE_DELAY_MAX_MS = 5000,
	SUPERVISE_STEADY_MS = 10000, /* who lived that long starts again at the shortest delay */
	SUPERVISE_STOP_MS = 5000,    /* from SIGTERM to SIGKILL */
	SUPERVISE_ASK_MS = 10000,    /* between two questions whether a program of timer mode is due */
};

/* A descriptor under its name.  It stays the caller's and open, so that each new start gets it. */
struct supervise_socket {
	const char *name;
	int fd;
};

struct supervise_program {
	const char *name;             /* "weir-hold"; see supervise_path */
	const char *const *arguments; /* behind the name, ended by NULL; NULL: none */
	size_t socket_count;
	struct supervise_socket sockets[SUPERVISE_SOCKETS_MAX];
	/*
	 * Accept mode (systemd's Accept=yes), when connection is not NULL: `listener` listens, and
	 * one program is started for each connection, which it is given under this name.  When
	 * connections_max of them run, further connections wait in the backlog.  Never restarted.
	 */
	const char *connection;
	int listener;
	unsigned int connections_max;
	/*
	 * Timer mode (systemd's timers), when not NULL: it does not run all the time, but is started
	 * when this says so, with the context of supervise_run.  Asked for the first time after
	 * SUPERVISE_ASK_MS.
	 */
	bool (*is_due)(void *context);
};

enum supervise_what {
	SUPERVISE_STARTED,
	SUPERVISE_ENDED,     /* status as of waitpid; delay_ms until the next start (0: none) */
	SUPERVISE_NOT_BEGUN, /* error: -errno of the failed start; delay_ms as above */
	SUPERVISE_KILLED,    /* it did not stop in time */
	SUPERVISE_NOT_TAKEN, /* connections of accept mode wait: error is why (acceptor.h) */
	SUPERVISE_TAKEN_AGAIN,
};

struct supervise_event {
	enum supervise_what what;
	const char *program;
	bool is_connection;
	int pid;
	int status;
	int error;
	unsigned int delay_ms;
};

/* Told of what happens; speaks for the module, which does not. */
typedef void supervise_tell(void *context, const struct supervise_event *event);

/*
 * Runs the programs until SIGTERM or SIGINT comes; then ends them all with SIGTERM, and who has not
 * ended after 5 s with SIGKILL.  SIGHUP is passed on to programs that are not of accept mode.
 * 0 after a signal; -errno when it could not begin (-ENOENT: a program is not there; *missing is its
 * name).
 */
int supervise_run(const struct supervise_program *programs, size_t count, supervise_tell *tell,
		  void *context, const char **missing);

/*
 * The path of a program: beside the running executable, else in /usr/lib/weir.  0, -ENOENT,
 * -ENAMETOOLONG.
 */
int supervise_path(char *out, size_t size, const char *program);

/* Whether an ended program was killed by a signal other than SIGTERM, or never came to be. */
bool supervise_was_killed(const struct supervise_event *event);

/* "weir-hold (pid 17) was killed by signal 9 (Killed); it starts again in 100 ms".  Returns out. */
char *supervise_describe(char *out, size_t size, const struct supervise_event *event);

#endif
