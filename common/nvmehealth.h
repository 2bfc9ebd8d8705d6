/*
 * nvmehealth: what an NVMe disk says of itself: the log page "SMART / health information" of the NVM Express
 * specification.
 */
#ifndef WEIR_NVMEHEALTH_H
#define WEIR_NVMEHEALTH_H

#include <stdbool.h>
#include <stdint.h>

enum { NVMEHEALTH_LOG_BYTES = 512, NVMEHEALTH_TEXT_BYTES = 128 };

struct nvmehealth {
	uint8_t warnings;      /* one bit each; 0: none */
	uint8_t used_percent;  /* of the life that its maker promises; may be above 100 */
	uint64_t media_errors; /* data that could not be read back; UINT64_MAX: as many or more */
};

/* path: of the controller, "/dev/nvme0"; takes root.  0 or -errno. */
int nvmehealth_read(struct nvmehealth *out, const char *path);
void nvmehealth_decode(struct nvmehealth *out, const uint8_t log[static NVMEHEALTH_LOG_BYTES]);

/*
 * True, and one clause in text, when something is wrong; *is_bad when it fails or has failed, else it is wearing out.  False,
 * and "", when nothing is.
 */
bool nvmehealth_fault(char text[static NVMEHEALTH_TEXT_BYTES], const struct nvmehealth *health, bool *is_bad);

#endif
