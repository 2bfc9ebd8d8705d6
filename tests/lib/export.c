/*
 * export: a household registration export as a CSV file on stdout, from a seed.
 *
 *   export --records N [--seed S]    a header and N records, about 150 bytes each
 *   export --random BYTES [--seed S] bytes that nothing compresses
 *
 * Names and addresses are Chinese in UTF-8, with fields that need quoting (comma, quote, line feed)
 * in one record of 256.  Identity numbers are all different and end in the right check digit.  The
 * persons are drawn, not taken from anywhere.
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OUT_BYTES = 1 << 20, RECORD_MAX = 512 };

#define HEADER "person_id,name,sex,birth_date,household_no,relation,address,registered_on,status,note\n"
/* Letters of identity numbers in the order of the numbers that they stand for, from 10. */
#define LETTERS "ABCDEFGHJKLMNPQRSTUVXYWZIO"
#define NUMBERS UINT64_C(260000000) /* letters times seven free digits */

static const char *const surnames[] = {
	"陳", "林", "黃", "張", "李", "王", "吳", "劉", "蔡", "楊", "許", "鄭", "謝", "洪", "郭", "邱",
	"曾", "廖", "賴", "徐", "周", "葉", "蘇", "莊", "呂", "江", "何", "蕭", "羅", "高", "歐陽", "張簡",
};
static const char *const given[] = {
	"家", "豪", "志", "明", "俊", "傑", "建", "宏", "淑", "芬", "美", "玲", "雅", "婷", "怡", "君",
	"冠", "宇", "承", "恩", "品", "妍", "詩", "涵", "柏", "翰", "子", "晴", "宗", "翰", "佩", "珊",
	"惠", "雯", "秀", "英", "麗", "華", "文", "雄", "國", "榮", "金", "龍", "玉", "蘭", "春", "梅",
	"瑞", "祥", "永", "昌", "正", "義", "信", "安", "心", "怡", "靜", "宜", "筱", "琪", "堃", "煒",
};
static const char *const districts[] = {
	"臺北市大安區", "臺北市信義區", "臺北市士林區", "新北市板橋區", "新北市三重區", "新北市中和區",
	"桃園市中壢區", "桃園市八德區", "新竹市東區", "新竹縣竹北市", "苗栗縣頭份市", "臺中市西屯區",
	"臺中市北屯區", "彰化縣員林市", "南投縣埔里鎮", "雲林縣斗六市", "嘉義市西區", "嘉義縣民雄鄉",
	"臺南市永康區", "臺南市安南區", "高雄市三民區", "高雄市鳳山區", "屏東縣潮州鎮", "宜蘭縣羅東鎮",
	"花蓮縣吉安鄉", "臺東縣卑南鄉", "澎湖縣馬公市", "金門縣金城鎮", "連江縣南竿鄉", "基隆市仁愛區",
	"新北市新店區", "高雄市楠梓區",
};
static const char *const roads[] = {
	"中正路", "中山路", "民生東路", "民權西路", "忠孝東路", "仁愛路", "和平街", "建國南路",
	"復興北路", "光復路", "成功路", "自由路", "文化街", "中華路", "博愛路", "公園路",
};
static const char *const relations[] = {"戶長", "配偶", "長子", "長女", "次子", "次女", "父", "母"};
static const char *const notes[] = {
	"\"遷入,原址不詳\"", "\"改名:原名\"\"阿明\"\"\"", "\"備註一\n備註二\"", "\"A,B,\"\"C\"\"\"",
};

struct out {
	uint8_t bytes[OUT_BYTES + RECORD_MAX];
	size_t len;
};

static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static void flush(struct out *out)
{
	for (size_t at = 0; at < out->len;) {
		ssize_t n = write(STDOUT_FILENO, out->bytes + at, out->len - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			fprintf(stderr, "export: %s\n", strerror(errno));
			exit(1);
		}
		at += (size_t)n;
	}
	out->len = 0;
}

static void add(struct out *out, const char *text)
{
	size_t len = strlen(text);
	memcpy(out->bytes + out->len, text, len);
	out->len += len;
}

static void add_char(struct out *out, char c)
{
	out->bytes[out->len++] = (uint8_t)c;
}

/* `value` in exactly `digits` decimal digits. */
static void add_digits(struct out *out, uint32_t value, size_t digits)
{
	for (size_t i = digits; i-- > 0; value /= 10)
		out->bytes[out->len + i] = (uint8_t)('0' + value % 10);
	out->len += digits;
}

static void add_date(struct out *out, uint32_t year, uint32_t bits)
{
	add_digits(out, year, 4);
	add_char(out, '-');
	add_digits(out, 1 + bits % 12, 2);
	add_char(out, '-');
	add_digits(out, 1 + bits / 12 % 28, 2);
}

/*
 * Letter, sex, seven digits, check digit.  The letter counts as its number: tens once, ones nine
 * times; then the digits 8, 7, … 1 times; with the check digit the sum is a multiple of ten.
 */
static void add_person_id(struct out *out, uint64_t number, bool is_woman)
{
	uint32_t letter = (uint32_t)(number / 10000000), digits = (uint32_t)(number % 10000000);
	uint32_t code = letter + 10, sex = is_woman ? 2 : 1;
	uint32_t sum = code / 10 + code % 10 * 9 + sex * 8;
	uint32_t divisor = 1000000;
	for (uint32_t weight = 7; weight >= 1; weight--, divisor /= 10)
		sum += digits / divisor % 10 * weight;
	add_char(out, LETTERS[letter]);
	add_digits(out, sex, 1);
	add_digits(out, digits, 7);
	add_digits(out, (10 - sum % 10) % 10, 1);
}

static void add_record(struct out *out, uint64_t number, uint64_t *state)
{
	uint64_t a = draw(state), b = draw(state);
	bool is_woman = a & 1;
	add_person_id(out, number, is_woman);
	add_char(out, ',');
	add(out, surnames[a >> 1 & 31]);
	add(out, given[a >> 6 & 63]);
	if (a >> 12 & 15)
		add(out, given[a >> 16 & 63]);
	add(out, is_woman ? ",女," : ",男,");
	add_date(out, 1925 + (uint32_t)(a >> 22 & 127) % 100, (uint32_t)(a >> 29 & 1023));
	add(out, ",F");
	add_digits(out, (uint32_t)(a >> 39) % 10000000, 7);
	add_char(out, ',');
	add(out, relations[b & 7]);
	add_char(out, ',');
	add(out, districts[b >> 3 & 31]);
	add(out, roads[b >> 8 & 15]);
	add_digits(out, 1 + (uint32_t)(b >> 12 & 127), 3);
	add(out, "巷");
	add_digits(out, 1 + (uint32_t)(b >> 19 & 511), 3);
	add(out, "號");
	add_digits(out, 1 + (uint32_t)(b >> 28 & 15), 2);
	add(out, "樓,");
	add_date(out, 1985 + (uint32_t)(b >> 32 & 31), (uint32_t)(b >> 37 & 1023));
	add(out, (b >> 47 & 31) == 0 ? ",遷出," : ",現住,");
	if ((b >> 52 & 255) == 0)
		add(out, notes[b >> 60 & 3]);
	add_char(out, '\n');
}

static void write_records(struct out *out, uint64_t count, uint64_t seed)
{
	uint64_t state = seed;
	/* number = start + i * step modulo NUMBERS: all different, as step and NUMBERS share no factor. */
	uint64_t start = draw(&state) % NUMBERS, step = UINT64_C(104729171);
	add(out, HEADER);
	for (uint64_t i = 0; i < count; i++) {
		add_record(out, (start + i % NUMBERS * step) % NUMBERS, &state);
		if (out->len >= OUT_BYTES)
			flush(out);
	}
	flush(out);
}

static void write_random(struct out *out, uint64_t bytes, uint64_t seed)
{
	uint64_t state = seed;
	while (bytes > 0) {
		size_t len = bytes < OUT_BYTES ? (size_t)bytes : OUT_BYTES;
		for (size_t i = 0; i < len; i += sizeof(uint64_t)) {
			uint64_t word = draw(&state);
			memcpy(out->bytes + i, &word, sizeof(word));
		}
		out->len = len;
		flush(out);
		bytes -= len;
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"records", 1, NULL, 'n'}, {"random", 1, NULL, 'r'}, {"seed", 1, NULL, 's'}, {NULL, 0, NULL, 0},
	};
	static struct out out;
	uint64_t records = 0, bytes = 0, seed = 1;
	char kind = 0;
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;)
		switch (option) {
		case 's': seed = strtoull(optarg, NULL, 10); break;
		case 'n': kind = 'n'; records = strtoull(optarg, NULL, 10); break;
		case 'r': kind = 'r'; bytes = strtoull(optarg, NULL, 10); break;
		default: return 2;
		}
	if (kind == 'n' && records <= NUMBERS)
		write_records(&out, records, seed);
	else if (kind == 'r')
		write_random(&out, bytes, seed);
	else {
		fprintf(stderr, "usage: export --records N | --random BYTES [--seed S]\n");
		return 2;
	}
	return 0;
}
