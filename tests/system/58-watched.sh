#!/usr/bin/env bash
# What make test-threads and make test-valgrind run a test by (tests/lib/watched) fails it when there is something to
# find, and only then: a race, memory that is lost or read before it is written, a descriptor that stays open.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

# program NAME OPTION: made of what is on standard input.
program() {
	cat >"$tmp/$1.c"
	"${CC:-cc}" -g -O0 -pthread "${@:2}" -o "$tmp/$1" "$tmp/$1.c" || bail "$1 cannot be made"
}
bail() { echo "Bail out! $1"; exit 1; }
# watched TOOL NAME: its exit status in $status, what it says in $said
watched() {
	said=$("$top/tests/lib/watched" "$1" "$tmp/$2" 2>&1)
	status=$?
}
finds() {
	watched "$1" "$2"
	is "$1: $3 is found" "$status" 66
	like "$1: $3 is named" "$said" "$4"
	like "$1: the test beneath had passed" "$said" "^ok 1"
}
passes() {
	watched "$1" "$2"
	is "$1: $3 passes" "$status" 0
	is "$1: $3: nothing is said of it" "$said" "ok 1"
}

threads() {
	cat <<-END
		#include <pthread.h>
		#include <stdatomic.h>
		#include <stdio.h>
		#include <sys/wait.h>
		#include <unistd.h>
		static $1 int count;
		static void *add(void *unused) { for (int i = 0; i < 1000; i++) count++; return unused; }
		static int work(void)
		{
			pthread_t thread;
			pthread_create(&thread, NULL, add, NULL);
			add(NULL);
			return pthread_join(thread, NULL);
		}
		int main(void)
		{
			int status = 0;
			if ($2) {
				if (fork() == 0)
					_exit(work() * 0);
				wait(&status);
			} else {
				work();
			}
			return puts("ok 1") < 0;
		}
	END
}
threads "" 0 | program race -fsanitize=thread
threads "" 1 | program race-of-a-child -fsanitize=thread
threads _Atomic 0 | program no-race -fsanitize=thread
finds thread race "a race" "data race"
finds thread race-of-a-child "a race in a process that it started" "data race"
passes thread no-race "the same with an atomic counter"

memory() {
	cat <<-END
		#include <stdio.h>
		#include <stdlib.h>
		#include <sys/wait.h>
		#include <unistd.h>
		int main(void)
		{
			int *volatile numbers = calloc(10, sizeof(int));
			int fd = dup(1), pid;
			puts("ok 1");
			fflush(stdout);
			$1;
			close(fd);
			free(numbers);
			return 0;
		}
	END
}
memory ";" | program clean
memory "numbers = malloc(40)" | program lost
memory "free(numbers); numbers = malloc(40); if (numbers[3] == 7) getpid()" | program unset
memory "numbers[10] = 1" | program beyond
memory "(void)!dup(fd)" | program open
memory "pid = fork(); if (pid == 0) { numbers[10] = 1; _exit(0); } wait(NULL)" | program beyond-in-a-child
passes valgrind clean "a clean program"
finds valgrind lost "memory that is lost" "definitely lost"
finds valgrind unset "a number that was never set" "uninitialised"
finds valgrind beyond "a write behind the end" "Invalid write"
finds valgrind open "a descriptor that stays open" "Open file descriptor"
finds valgrind beyond-in-a-child "a write behind the end in a process that it started" "Invalid write"

printf '#!/bin/sh\nexit 7\n' >"$tmp/fails"
chmod +x "$tmp/fails"
watched thread fails
is "a test that fails by itself fails with its own exit status" "$status" 7
"$top/tests/lib/watched" helgrind "$tmp/clean" 2>/dev/null
is "another tool is none" $? 2
done_testing
