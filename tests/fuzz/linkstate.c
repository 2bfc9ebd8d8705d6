#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/linkread.h"
#include "common/linkstate.h"
#include "common/lldp.h"
#include "common/rules.h"
#include "common/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What is read is written so that it is read as the same. */
static void read_state(const uint8_t *data, size_t len)
{
	struct linkstate state, again;
	char text[LINKSTATE_BYTES_MAX + 1];
	if (linkstate_decode(&state, data, len) != VERDICT_OK)
		return;
	long written = linkstate_encode(text, sizeof(text), &state);
	if (written <= 0 || linkstate_decode(&again, (const uint8_t *)text, (size_t)written) != VERDICT_OK ||
	    memcmp(&state, &again, sizeof(state)) != 0)
		abort();
}

/* What others say, as text. */
static void read_text(const char *text)
{
	uint64_t packets, bytes;
	char group[16], file[LINK_WHERE_BYTES];
	(void)rules_parse_counter(text, &packets, &bytes);
	(void)rules_name_interface(text, "weir0");
	(void)lldp_is_emitted(text);
	(void)lldp_is_socket(text, 7);
	if (lldp_network_file(file, sizeof(file), text) && strlen(file) >= sizeof(file))
		abort();
	if (linkread_is_group(text, 7, group) && strlen(group) != 12)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1);
	if (text == NULL)
		return 0;
	memcpy(text, data, len);
	text[len] = 0;
	read_state(data, len);
	read_text(text);
	free(text);
	return 0;
}
