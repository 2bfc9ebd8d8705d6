#include "inbox_life.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "vault.h"

int inbox_life_load(struct inbox_life *out, int vault_fd)
{
	struct inbox_life life = {.account = NULL};
	uint8_t *bytes = NULL;
	size_t len = 0;
	int result = vault_heard_read(vault_fd, &bytes, &len);
	if (result == 0)
		result = heard_decode(&life.heard, &life.account, bytes, len);
	free(bytes);
	if (result != 0 && result != -ENOENT)
		return result;
	*out = life;
	return 0;
}

void inbox_life_free(struct inbox_life *life)
{
	account_free(life->account);
	life->account = NULL;
}

bool inbox_life_went_back(const struct inbox_life *life)
{
	return life->heard.went_back || life->heard.returned != 0;
}

void inbox_life_print(const struct inbox_life *life)
{
	if (inbox_life_went_back(life))
		puts("the sender was put back to an older state, and is not believed: say 'weir-sender epoch' there, with what "
		     "'weir-inbox heads' shows here");
}
