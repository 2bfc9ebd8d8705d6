/*
 * reorder: what a sending box could make that has gone over to somebody else: the bundle of a .weir file under
 * other standing orders, with good signatures of the machine and of the box.
 *
 *   reorder IN OUT BOX MACHINE PUSH RELEASE
 *
 * BOX and MACHINE are key files, PUSH and RELEASE orders; PUSH may be "-": the machine signs as a person would;
 * RELEASE may be "-": nobody releases.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/endorsement.h"
#include "common/io.h"
#include "common/key.h"
#include "common/order.h"

enum { IN = 1, OUT, BOX, MACHINE, PUSH, RELEASE, ARGUMENTS, FILE_MAX = 1 << 24 };

static void need(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "reorder: %s\n", what);
	exit(2);
}

static struct key *key_of(const char *path)
{
	struct key *key = NULL;
	need(key_load(&key, path, NULL) == 0, "cannot load a key");
	return key;
}

/* NULL for "-". */
static uint8_t *order_of(const char *path, size_t *len)
{
	uint8_t *bytes = NULL;
	*len = 0;
	if (strcmp(path, "-") != 0)
		need(io_read_file(AT_FDCWD, path, ORDER_BYTES_MAX, &bytes, len) == 0, "cannot read an order");
	return bytes;
}

static void add_push(struct endorsements *all, const struct statement *statement, const struct key *machine,
		     const char *path)
{
	uint8_t bytes[STATEMENT_BYTES];
	struct endorsement e = {.type = ENDORSEMENT_PUSH};
	uint8_t *order = order_of(path, &e.order_len);
	if (order != NULL)
		e.type = ENDORSEMENT_PUSH_ORDER;
	e.order = order;
	statement_encode(bytes, statement);
	need(signature_make(&e.signature, push_domain, bytes, sizeof(bytes), machine->secret) == 0 &&
		     endorsements_add(all, &e) == 0, "cannot sign the push");
	free(order);
}

static void add_release(struct endorsements *all, const char *path)
{
	struct endorsement e = {.type = ENDORSEMENT_RELEASE_ORDER};
	uint8_t *order = order_of(path, &e.order_len);
	e.order = order;
	if (order != NULL)
		need(endorsements_add(all, &e) == 0, "cannot add the order to release");
	free(order);
}

int main(int argc, char **argv)
{
	uint8_t *file = NULL;
	size_t len;
	struct release release;
	static struct endorsements all;
	need(argc == ARGUMENTS, "usage: reorder IN OUT BOX MACHINE PUSH RELEASE");
	need(suite_start() == 0, "cannot start");
	need(io_read_file(AT_FDCWD, argv[IN], FILE_MAX, &file, &len) == 0 && len > SEGMENT_BYTES, "cannot read the file");
	need(release_segment_decode(&release, NULL, file) == 0, "it is no bundle");
	struct key *box = key_of(argv[BOX]), *machine = key_of(argv[MACHINE]);
	add_push(&all, &release.statement, machine, argv[PUSH]);
	add_release(&all, argv[RELEASE]);
	need(release_segment_encode(file, &release, &all, box->secret) == 0 &&
		     io_create_path(argv[OUT], file, len, 0600) == 0, "cannot write it");
	key_free(box);
	key_free(machine);
	free(file);
	return 0;
}
