#include "importing.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"
#include "common/receipt.h"
#include "common/text.h"
#include "common/verdict.h"
#include "vault.h"

enum { DIRECTORY_MODE = 0750, FILE_MODE = 0640, HASH_BYTES = 16, PATH_BYTES = 2 * HASH_BYTES + 1 };

/* Nobody has opened, or destroyed, what was sealed to others: to whom stands in the clear (BUNDLE.md 4). */
static int find_recipient(int fd, const struct receipt *r)
{
	uint8_t segment[SEGMENT_BYTES];
	struct head head;
	int result = io_pread_exact(fd, segment, sizeof(segment), SEGMENT_BYTES);
	if (result == 0 && head_decode(&head, segment) != 0)
		return VERDICT_WRONG_RECIPIENT; /* sealed to nobody */
	for (size_t i = 0; result == 0 && i < head.count; i++)
		if (memcmp(head.stanzas[i].key_id, r->key_id, KEY_ID_BYTES) == 0)
			return VERDICT_OK;
	return result != 0 ? result : VERDICT_WRONG_RECIPIENT;
}

static int compare_with_vault(const struct import_site *site, const struct receipt *r)
{
	char name[BUNDLE_NAME_BYTES + 18];
	struct acceptance found;
	snprintf(name, sizeof(name), "%s@%016" PRIx64, r->bundle, r->epoch);
	int fd = vault_open_bundle(site->vault_fd, name);
	if (fd == -ENOENT)
		return VERDICT_NO_SUCH_BUNDLE;
	int result = fd < 0 ? fd : accept_describe(&found, fd);
	if (result == 0 && memcmp(found.evidence.root, r->root, sizeof(r->root)) != 0)
		result = VERDICT_BAD_ROOT;
	if (result == 0 && memcmp(found.evidence.manifest, r->manifest, sizeof(r->manifest)) != 0)
		result = VERDICT_BAD_DIGEST;
	if (result == 0)
		result = find_recipient(fd, r);
	io_close(fd);
	return result;
}

static int enter(const struct import_site *site, const struct ledger_who *peer, const struct receipt *r)
{
	char epoch[17];
	struct ledger_who who = *peer;
	who.person = r->recipient;
	who.key_id = r->key_id;
	snprintf(epoch, sizeof(epoch), "%016" PRIx64, r->epoch);
	struct ledger_entry *e =
		ledger_entry_new(r->kind == RECEIPT_OPENED ? "opened" : "destroyed.elsewhere", r->result);
	ledger_set_who(e, &who);
	ledger_set_text(e, "bundle", r->bundle);
	ledger_set_text(e, "epoch", epoch);
	ledger_set_hex(e, "root", r->root, sizeof(r->root));
	ledger_set_time(e, "done_at", r->at);
	if (r->kind == RECEIPT_OPENED) {
		ledger_set_number(e, "records", r->records);
		ledger_set_number(e, "bytes", r->bytes);
	} else {
		ledger_set_text(e, "how", r->how);
	}
	return diary_write(site->diary, e);
}

/* By its hash, so that a receipt has one place. */
static void name_of(char out[static PATH_BYTES], const char *text, size_t len)
{
	uint8_t hash[HASH_BYTES];
	suite_hash(hash, sizeof(hash), "weir1 receipt", NULL, 0, text, len);
	text_hex(out, PATH_BYTES, hash, sizeof(hash));
}

static int open_receipts(int vault_fd)
{
	int result = io_make_dir(vault_fd, "receipts", DIRECTORY_MODE);
	if (result == 0)
		result = io_fsync(vault_fd);
	return result != 0 ? result : io_open_dir(vault_fd, "receipts");
}

int import_receipt(const struct import_site *site, const struct ledger_who *peer, const char *text, size_t len,
		   uint64_t now_s)
{
	struct receipt r;
	char name[PATH_BYTES];
	int result = receipt_decode(&r, text, len);
	if (result == 0)
		result = receipt_judge(&r, text, len, site->registry, now_s);
	if (result == 0)
		result = compare_with_vault(site, &r);
	if (result != 0)
		return result;
	int dir = open_receipts(site->vault_fd);
	if (dir < 0)
		return dir;
	name_of(name, text, len);
	if (faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		result = -EEXIST;
	if (result == 0)
		result = enter(site, peer, &r);
	/* after a crash between the two it is taken once more: told twice, and never lost */
	if (result == 0)
		result = io_write_file(dir, name, text, len, FILE_MODE);
	io_close(dir);
	return result;
}
