/* What is done by libipsec-mb: sha256_many of sha256.h, on the architecture that the library is for. */
#include "sha256.h"

static void one_by_one(uint8_t (*out)[SHA256_BYTES], const uint8_t *data, size_t len, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct sha256 hasher;
		sha256_start(&hasher);
		sha256_add(&hasher, data + i * len, len);
		sha256_end(&hasher, out[i]);
	}
}

#ifdef __x86_64__

#include <assert.h>
#include <intel-ipsec-mb.h>
#include <pthread.h>
#include <stdbool.h>

enum {
	SPARE_MAX = 8,   /* of a process seldom more threads hash at the same time */
	FEW_LANES = 2,   /* of the instructions for SHA-256, two streams at a time keep them busy */
	MANY_LANES = 8,  /* without them, words of so many streams share a register, or of twice as many */
};

/*
 * A manager is the library's state for one thread; who hashes takes one from here, or makes one, and puts it back.  Those
 * that are here stay until the process ends.
 */
static struct {
	pthread_mutex_t mutex;
	IMB_MGR *manager[SPARE_MAX];
	unsigned int count;
	bool is_useless;         /* the processor has nothing that the library could use */
} spare = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static bool has_sha(const IMB_MGR *manager)
{
	return (manager->features & IMB_FEATURE_SHANI) != 0;
}

/* The library prefers the widest registers, which need 16 streams; the instructions for SHA-256 are as fast with two. */
static void prepare(IMB_MGR *manager)
{
	if (!has_sha(manager))
		init_mb_mgr_auto(manager, NULL);
	else if ((manager->features & IMB_FEATURE_AVX2) != 0)
		init_mb_mgr_avx2(manager);
	else
		init_mb_mgr_sse(manager);
}

/* NULL: out of memory, or useless. */
static IMB_MGR *take_manager(void)
{
	IMB_MGR *found = NULL;
	pthread_mutex_lock(&spare.mutex);
	bool is_useless = spare.is_useless;
	if (spare.count > 0)
		found = spare.manager[--spare.count];
	pthread_mutex_unlock(&spare.mutex);
	if (found != NULL || is_useless || (found = alloc_mb_mgr(0)) == NULL)
		return found;
	prepare(found);
	if (imb_get_errno(found) == 0)
		return found;
	free_mb_mgr(found);
	pthread_mutex_lock(&spare.mutex);
	spare.is_useless = true;
	pthread_mutex_unlock(&spare.mutex);
	return NULL;
}

static void put_back(IMB_MGR *manager)
{
	pthread_mutex_lock(&spare.mutex);
	bool is_kept = spare.count < SPARE_MAX;
	if (is_kept)
		spare.manager[spare.count++] = manager;
	pthread_mutex_unlock(&spare.mutex);
	if (!is_kept)
		free_mb_mgr(manager);
}

/* One of those that were given has been done, or none yet. */
static size_t count_done(const IMB_JOB *job)
{
	assert(job == NULL || job->status == IMB_STATUS_COMPLETED);
	return job != NULL;
}

static void side_by_side(IMB_MGR *manager, uint8_t (*out)[SHA256_BYTES], const uint8_t *data, size_t len, size_t count)
{
	size_t done = 0;
	for (size_t i = 0; i < count; i++) {
		IMB_JOB *job = IMB_GET_NEXT_JOB(manager);
		*job = (IMB_JOB){
			.cipher_mode = IMB_CIPHER_NULL,
			.cipher_direction = IMB_DIR_ENCRYPT,
			.chain_order = IMB_ORDER_HASH_CIPHER,
			.hash_alg = IMB_AUTH_SHA_256,
			.src = data + i * len,
			.msg_len_to_hash_in_bytes = len,
			.auth_tag_output = out[i],
			.auth_tag_output_len_in_bytes = SHA256_BYTES,
		};
		done += count_done(IMB_SUBMIT_JOB(manager));
	}
	while (done < count)
		done += count_done(IMB_FLUSH_JOB(manager));
}

void sha256_many(uint8_t (*out)[SHA256_BYTES], const void *data, size_t len, size_t count)
{
	IMB_MGR *manager = count >= FEW_LANES ? take_manager() : NULL;
	if (manager != NULL && (has_sha(manager) || count >= MANY_LANES))
		side_by_side(manager, out, data, len, count);
	else
		one_by_one(out, data, len, count);
	if (manager != NULL)
		put_back(manager);
}

#else

void sha256_many(uint8_t (*out)[SHA256_BYTES], const void *data, size_t len, size_t count)
{
	one_by_one(out, data, len, count);
}

#endif
