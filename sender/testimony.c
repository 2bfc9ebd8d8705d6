#include "testimony.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/io.h"
#include "common/text.h"
#include "common/verdict.h"

enum { TEXT_BYTES = 512, EPOCH_BYTES = 8, FILE_MODE = 0640 };

enum lapse testimony_compare(const struct life *before, const struct life *now, bool is_known)
{
	if (!is_known)
		return LAPSE_OTHER;
	bool is_back = now->ledger.n < before->ledger.n ||
		       (now->ledger.n == before->ledger.n &&
			memcmp(now->ledger.hash, before->ledger.hash, sizeof(now->ledger.hash)) != 0) ||
		       now->beat < before->beat || now->generation < before->generation;
	return is_back ? LAPSE_BACK : LAPSE_NONE;
}

bool testimony_of_page(struct life *out, const struct orders_page *page)
{
	/* its writer is gone, perhaps in the midst of writing; what it tells of was all durable by then */
	if (page->epoch == 0 || page->ledger.n == 0)
		return false;
	*out = (struct life){page->epoch, page->ledger, page->beat, page->generation};
	return true;
}

int testimony_open(struct testimony *witness, const char *path)
{
	char folder[CONFIG_PATH_BYTES];
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	size_t len = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
	*witness = (struct testimony){.dir_fd = -1};
	if (len >= sizeof(folder) || name[0] == 0 || strlen(name) >= sizeof(witness->name))
		return -ENAMETOOLONG;
	snprintf(folder, sizeof(folder), "%.*s", (int)len, slash == NULL ? "." : path);
	snprintf(witness->name, sizeof(witness->name), "%s", name);
	int fd = io_open_dir(AT_FDCWD, folder);
	if (fd < 0)
		return fd;
	witness->dir_fd = fd;
	return 0;
}

void testimony_close(struct testimony *witness)
{
	io_close(witness->dir_fd);
	witness->dir_fd = -1;
}

/* The whole file; what is read is good when it encodes to the same bytes. */
static int encode(char out[static TEXT_BYTES], const struct life *life)
{
	char hash[2 * SUITE_DIGEST_BYTES + 1];
	return snprintf(out, TEXT_BYTES, "epoch %016" PRIx64 "\nledger %" PRIu64 " %s\nbeat %" PRIu64 "\ngeneration %" PRIu64 "\n",
			life->epoch, life->ledger.n,
			text_hex(hash, sizeof(hash), life->ledger.hash, SUITE_DIGEST_BYTES), life->beat,
			life->generation);
}

static bool decode(struct life *out, const char *text, size_t len)
{
	struct life life = {.epoch = 0};
	char hash[2 * SUITE_DIGEST_BYTES + 1] = "", again[TEXT_BYTES];
	/* NOLINTNEXTLINE(cert-err34-c): what is not read as it was written is refused below */
	if (sscanf(text, "epoch %16" SCNx64 " ledger %" SCNu64 " %64s beat %" SCNu64 " generation %" SCNu64,
		   &life.epoch, &life.ledger.n, hash, &life.beat, &life.generation) != 5 ||
	    text_unhex(life.ledger.hash, sizeof(life.ledger.hash), hash) != 0)
		return false;
	/* the text may have a zero in it, and go on behind it */
	if ((size_t)encode(again, &life) != len || memcmp(again, text, len) != 0)
		return false;
	*out = life;
	return true;
}

int testimony_load(const struct testimony *witness, struct life *out)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	char text[TEXT_BYTES] = "";
	int result = io_read_file(witness->dir_fd, witness->name, TEXT_BYTES - 1, &bytes, &len);
	if (result == 0) {
		memcpy(text, bytes, len);
		result = decode(out, text, len) ? 0 : VERDICT_DAMAGED;
	}
	free(bytes);
	return result;
}

int testimony_store(struct testimony *witness, const struct life *now, uint64_t now_ms)
{
	char text[TEXT_BYTES];
	int len = encode(text, now);
	witness->written_ms = now_ms;
	int result = io_write_file(witness->dir_fd, witness->name, text, (size_t)len, FILE_MODE);
	if (result == 0)
		witness->written = *now;
	return result;
}

bool testimony_is_due(const struct testimony *witness, const struct life *now, uint64_t now_ms)
{
	bool has_grown = now->epoch != witness->written.epoch || now->ledger.n != witness->written.ledger.n;
	return now_ms - witness->written_ms >= (has_grown ? TESTIMONY_SOON_MS : TESTIMONY_LATE_MS);
}
