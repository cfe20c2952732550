/*
 * go_map.c - a hash map of a C program: lookups, inserts, iteration, large keys and values.
 *
 * The map is instrumented code as any other. An insert writes the count, a
 * lookup reads it: two users without a lock race there, whatever their keys are.
 */
#include "tests/conformance/race/race_case.h"

enum { BUCKETS = 8, BIG = 8000 };

struct entry {
	struct entry *next;
	const void *key;
	size_t key_size;
	int value;
};

struct map {
	size_t count; /* of entries; read first by each lookup, written by each change */
	struct entry *bucket[BUCKETS];
};

struct wide_key {
	long id;
	char name[24];
	double weight;
};

struct map map1, map2;
struct map *map = &map1;
struct wide_key wide_key;
char big_key[BIG], big_value[BIG], big_copy[BIG];
int x, key1 = 1, key2 = 2, key3 = 3;

/* Reads the whole key, as it is compared and hashed. */
static NOINLINE struct entry **bucket_of(struct map *m, const void *key, size_t n)
{
	const unsigned char *bytes = key;
	size_t h = 5381;

	for (size_t i = 0; i < n; i++)
		h = h * 33 + bytes[i]; /* race? */
	return &m->bucket[h % BUCKETS];
}

static NOINLINE struct entry *map_find(struct map *m, const void *key, size_t n)
{
	if (m->count == 0) /* race? */
		return NULL;
	for (struct entry *e = *bucket_of(m, key, n); e; e = e->next) /* race? */
		if (e->key_size == n && memcmp(e->key, key, n) == 0)  /* race? */
			return e;
	return NULL;
}

static NOINLINE void map_insert(struct map *m, const void *key, size_t n, int value)
{
	struct entry **head = bucket_of(m, key, n); /* race? */
	struct entry *e = malloc(sizeof(*e));

	*e = (struct entry){ *head, key, n, value }; /* race? */
	*head = e;                                   /* race? */
	m->count++;                                  /* race? */
}

static NOINLINE void map_delete(struct map *m, const void *key, size_t n)
{
	for (struct entry **e = bucket_of(m, key, n); *e; e = &(*e)->next)
		if ((*e)->key_size == n && memcmp((*e)->key, key, n) == 0) {
			struct entry *gone = *e;

			*e = gone->next;
			m->count--;
			free(gone);
			return;
		}
}

static NOINLINE int map_sum(const struct map *m)
{
	int sum = 0;

	for (size_t i = 0; i < BUCKETS && m->count > 0; i++)
		for (const struct entry *e = m->bucket[i]; e; e = e->next)
			sum += e->value;
	return sum;
}

static size_t map_count(const struct map *m)
{
	return m->count;
}

static void set_up(void)
{
	map_insert(&map1, &key3, sizeof(key3), 0);
}

/* Each case marks the calls: they stand in the stack of every access of the map. */
RACE(map_rw)
FIRST(race_map_rw)
{
	map_insert(&map1, &key1, sizeof(key1), 1); /* race */
}
SECOND(race_map_rw)
{
	USE(map_find(&map1, &key2, sizeof(key2))); /* race */
}

RACE(map_rw2)
FIRST(race_map_rw2)
{
	map_insert(&map1, &key1, sizeof(key1), 1); /* race */
}
SECOND(race_map_rw2)
{
	bool found = map_find(&map1, &key2, sizeof(key2)) != NULL; /* race */

	USE(found);
}

RACE(map_range)
FIRST(race_map_range)
{
	map_insert(&map1, &key1, sizeof(key1), 1); /* race */
}
SECOND(race_map_range)
{
	USE(map_sum(&map1)); /* race */
}

RACE(map_range2)
FIRST(race_map_range2)
{
	USE(map_sum(&map1)); /* race */
}
SECOND(race_map_range2)
{
	map_insert(&map1, &key1, sizeof(key1), 1); /* race */
	map_insert(&map1, &key2, sizeof(key2), 1); /* race? */
}

RACE(map_len)
FIRST(race_map_len)
{
	map_insert(&map1, &key1, sizeof(key1), 1); /* race */
}
SECOND(race_map_len)
{
	USE(map_count(&map1)); /* race */
}

RACE(map_len_delete)
FIRST(race_map_len_delete)
{
	map_delete(map, &key3, sizeof(key3)); /* race */
}
SECOND(race_map_len_delete)
{
	USE(map_count(map)); /* race */
}

RACE(map_delete)
FIRST(race_map_delete)
{
	map_insert(&map1, &key1, sizeof(key1), 1); /* race */
}
SECOND(race_map_delete)
{
	map_delete(&map1, &key1, sizeof(key1)); /* race */
}

RACE(map_variable)
FIRST(race_map_variable)
{
	map = &map1; /* race */
}
SECOND(race_map_variable)
{
	map = &map2; /* race */
}

RACE(map_variable2)
FIRST(race_map_variable2)
{
	map_insert(map, &key1, sizeof(key1), 1); /* race */
}
SECOND(race_map_variable2)
{
	map = &map2; /* race */
}

RACE(map_lookup_part_key)
FIRST(race_map_lookup_part_key)
{
	USE(bucket_of(map, &wide_key, sizeof(wide_key))); /* race */
}
SECOND(race_map_lookup_part_key)
{
	wide_key.name[10] = 'a'; /* race */
}

RACE(map_insert_part_key)
FIRST(race_map_insert_part_key)
{
	map_insert(map, &wide_key, sizeof(wide_key), 1); /* race */
}
SECOND(race_map_insert_part_key)
{
	wide_key.name[10] = 'a'; /* race */
}

RACE(map_insert_part_val)
struct wide_key stored;
FIRST(race_map_insert_part_val)
{
	memcpy(&stored, &wide_key, sizeof(stored)); /* race */
}
SECOND(race_map_insert_part_val)
{
	wide_key.name[10] = 'a'; /* race */
}

RACE(map_assign_multiple_return)
struct entry element;
static NOINLINE int two_results(int *second)
{
	*second = OPAQUE(2); /* race */
	return OPAQUE(1);
}
FIRST(race_map_assign_multiple_return)
{
	x = two_results(&element.value);
}
SECOND(race_map_assign_multiple_return)
{
	USE(element.value); /* race */
}

RACE(map_big_key_access1)
FIRST(race_map_big_key_access1)
{
	USE(bucket_of(map, big_key, BIG)); /* race */
}
SECOND(race_map_big_key_access1)
{
	big_key[128] = 1; /* race */
}

RACE(map_big_key_access2)
FIRST(race_map_big_key_access2)
{
	bool same = memcmp(big_copy, big_key, BIG) == 0; /* race */

	USE(same);
}
SECOND(race_map_big_key_access2)
{
	big_key[BIG - 1] = 1; /* race */
}

RACE(map_big_key_insert)
FIRST(race_map_big_key_insert)
{
	map_insert(map, big_key, BIG, 1); /* race */
}
SECOND(race_map_big_key_insert)
{
	big_key[128] = 1; /* race */
}

RACE(map_big_val_insert)
FIRST(race_map_big_val_insert)
{
	memcpy(big_copy, big_value, BIG); /* race */
}
SECOND(race_map_big_val_insert)
{
	big_value[128] = 1; /* race */
}

RACE(map_big_val_access2)
FIRST(race_map_big_val_access2)
{
	memcpy(big_copy, big_value, BIG); /* race */
	x = 1;
}
SECOND(race_map_big_val_access2)
{
	big_copy[BIG - 2] = 1; /* race */
}

NORACE(map_reads)
static void reads_map(void)
{
	CHECK_EQ(map_find(map, &key1, sizeof(key1))->value, 5);
	CHECK_EQ(map_sum(map), 5);
}
MAIN(norace_map_reads)
{
	map_insert(map, &key1, sizeof(key1), 5);
	for (int i = 0; i < 4; i++)
		spawn(reads_map);
	join();
}

/* The tag of a switch is looked up in a map of maps. */
RACE(case_issue6418)
FIRST(race_case_issue6418)
{
	const struct entry *e = map_find(&map1, &key1, sizeof(key1)); /* race */

	switch (e ? e->value : 0) {
	case 1:
		x = 1;
		break;
	}
}
SECOND(race_case_issue6418)
{
	map_insert(&map1, &key2, sizeof(key2), 2); /* race */
}

/* Goroutines that crawl share a set of what they have seen. */
RACE(crawl)
struct crawl_args {
	int page, depth;
};
int pages[64];
static void crawl(struct crawl_args *a)
{
	if (!map_find(&map1, &pages[a->page], sizeof(int))) {              /* race? */
		map_insert(&map1, &pages[a->page], sizeof(int), a->depth); /* race? */
		for (int i = 0; i < 2 && a->depth > 0; i++) {
			gd_waitgroup_add(&case_goroutines, 1);
			gd_go(crawl, .page = (2 * a->page + i + 1) % 64, .depth = a->depth - 1);
		}
	}
	gd_waitgroup_done(&case_goroutines);
}
MAIN(race_crawl)
{
	gd_waitgroup_add(&case_goroutines, 2);
	gd_go(crawl, .page = 0, .depth = 3);
	gd_go(crawl, .page = 1, .depth = 3);
	join();
}

CONFORM_MAIN
