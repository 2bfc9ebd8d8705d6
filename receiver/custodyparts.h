/*
 * The inside of custody.h, for custody.c and custody_take.c alone.
 */
#ifndef WEIR_CUSTODYPARTS_H
#define WEIR_CUSTODYPARTS_H

#include "custody.h"

enum { CUSTODY_NAME_BYTES = NAME_BYTES + 2 * MANDATE_ID_BYTES + 2 };

struct custody {
	int holds_fd, purges_fd;
	size_t count, size, bundles;
	struct mandate *all;
	struct custody_found found;
};

/* Name and folder of an order's file. */
void custody_file_name(char out[static CUSTODY_NAME_BYTES], const struct mandate *mandate);
int custody_folder_of(const struct custody *custody, const struct mandate *mandate);
/* For one more: 0, VERDICT_BAD_LIMIT or -ENOMEM; then it can be added, and its bundles are the custody's. */
int custody_make_room(struct custody *custody, size_t bundles);
void custody_add(struct custody *custody, const struct mandate *mandate);
void custody_forget(struct custody *custody, size_t index);

#endif
