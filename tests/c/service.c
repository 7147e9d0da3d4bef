/* Does what a media server does: sessions made by one thread and fed by others, events read late, a record of the call, an index
 * exchanged while calls are up. Counts what is asked of the heap meanwhile.
 *
 *   service OTHER DAMAGED <samples
 *
 * 16-bit samples at 8 kHz of a call that plays dental-01. OTHER: an index without that script; DAMAGED: one with a wrong byte.
 * Exits with 0, or says which line failed. For glibc, whose allocator it stands before. */
#include <callprint.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "line %d: %s: %s\n", __LINE__, #condition, callprint_last_error()); \
            exit(1); \
        } \
    } while (0)

enum { PACKET = 160 };

static int16_t samples[400000];
static size_t count;

/* The heap. Only one thread runs while calls are counted. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t number, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *old);
static int counting;
static long heap_calls;

void *malloc(size_t size)
{
    heap_calls += counting;
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size)
{
    heap_calls += counting;
    return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size)
{
    heap_calls += counting;
    return __libc_realloc(old, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    heap_calls += counting;
    *out = __libc_memalign(alignment, size);
    return *out == NULL ? 12 : 0;
}

void free(void *old)
{
    heap_calls += counting;
    __libc_free(old);
}

static CallprintEvent new_event(void)
{
    CallprintEvent event;

    memset(&event, 0, sizeof event);
    event.struct_size = sizeof event;
    return event;
}

static void feed(CallprintSession *session)
{
    size_t at;

    for (at = 0; at + PACKET <= count; at += PACKET)
        CHECK(callprint_session_feed_i16(session, samples + at, PACKET) == CALLPRINT_OK);
}

/* Calls of the heap while a call is fed, polled, ended and forgotten. */
static long heap_calls_of_a_call(CallprintSession *session)
{
    CallprintEvent event = new_event();
    size_t at;
    int matches = 0;

    counting = 1;
    heap_calls = 0;
    for (at = 0; at + PACKET <= count; at += PACKET) {
        CHECK(callprint_session_feed_i16(session, samples + at, PACKET) == CALLPRINT_OK);
        while (callprint_session_poll(session, &event) == CALLPRINT_OK)
            matches += event.kind == CALLPRINT_MATCH && strcmp(event.script, "dental-01") == 0;
    }
    CHECK(callprint_session_finish(session) == CALLPRINT_OK);
    while (callprint_session_poll(session, &event) == CALLPRINT_OK)
        continue;
    CHECK(callprint_session_reset(session) == CALLPRINT_OK);
    counting = 0;
    CHECK(matches == 1 && event.kind == CALLPRINT_ENDED);
    return heap_calls;
}

static void *unprepared_thread(void *session)
{
    CHECK(heap_calls_of_a_call(session) > 0);
    CHECK(heap_calls_of_a_call(session) == 0);
    return NULL;
}

static void *prepared_thread(void *session)
{
    CHECK(callprint_thread_prepare() == CALLPRINT_OK);
    CHECK(heap_calls_of_a_call(session) == 0);
    return NULL;
}

static void memory(CallprintSession *session)
{
    pthread_t thread;

    CHECK(heap_calls_of_a_call(session) == 0);
    CHECK(heap_calls_of_a_call(session) == 0);
    CHECK(pthread_create(&thread, NULL, unprepared_thread, session) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(pthread_create(&thread, NULL, prepared_thread, session) == 0 && pthread_join(thread, NULL) == 0);
}

static void record_of_a_call(CallprintSession *session)
{
    CallprintEvent event = new_event(), best = new_event();

    CHECK(callprint_session_best(session, &best) == CALLPRINT_NO_EVENT);
    CHECK(callprint_session_seconds(session) == 0.0 && callprint_session_answered_at(session) == -1.0);
    feed(session);
    while (callprint_session_poll(session, &event) == CALLPRINT_OK && event.kind != CALLPRINT_MATCH)
        continue;
    CHECK(event.kind == CALLPRINT_MATCH);
    CHECK(callprint_session_finish(session) == CALLPRINT_OK);
    CHECK(callprint_session_feed_i16(session, samples, PACKET) == CALLPRINT_ERROR_ENDED);
    CHECK(strstr(callprint_last_error(), "reset") != NULL);
    CHECK(callprint_session_finish(session) == CALLPRINT_OK);
    CHECK(callprint_session_best(session, &best) == CALLPRINT_OK);
    CHECK(best.kind == CALLPRINT_MATCH && strcmp(best.script, "dental-01") == 0 && *best.category != '\0');
    CHECK(best.at == event.at && best.rival_count == 0 && best.rivals[0] == NULL);
    /* The event came when the rate passed the limit; the record knows the whole call. */
    CHECK(event.false_alarms_per_hour <= 0.01 && best.false_alarms_per_hour < event.false_alarms_per_hour);
    CHECK(best.query_end > event.query_end + 3.0 && best.script_end > event.script_end + 3.0);
    CHECK(callprint_session_seconds(session) == (double)(count / PACKET * PACKET) / 8000.0);
    CHECK(callprint_session_answered_at(session) > 0.0 && callprint_session_answered_at(session) < event.at);
    CHECK(callprint_session_is_decided(session) == 0);
    CHECK(callprint_session_reset(session) == CALLPRINT_OK);
    CHECK(callprint_session_feed_i16(session, samples, PACKET) == CALLPRINT_OK);
    CHECK(callprint_session_reset(session) == CALLPRINT_OK);
}

/* A line that nobody polls: the oldest events go, and that is counted. */
static void late_reader(CallprintSession *session)
{
    CallprintEvent event = new_event();
    uint64_t events = 0, missed;
    int calls;

    CHECK(callprint_session_missed_events(session) == 0 && callprint_session_missed_events(NULL) == 0);
    for (calls = 0; calls < 100 && callprint_session_missed_events(session) == 0; calls++)
        feed(session);
    missed = callprint_session_missed_events(session);
    CHECK(missed > 0);
    while (callprint_session_poll(session, &event) == CALLPRINT_OK) {
        CHECK(event.kind != CALLPRINT_ANSWERED); /* the first of all */
        events++;
    }
    CHECK(events == 64 && callprint_session_missed_events(session) == missed);
    CHECK(callprint_session_reset(session) == CALLPRINT_OK && callprint_session_missed_events(session) == 0);
}

static void decided(CallprintIndex *index)
{
    CallprintSession *session = NULL;
    CallprintConfig config;

    memset(&config, 0, sizeof config);
    config.struct_size = sizeof config;
    config.stop_when_decided = 1;
    CHECK(callprint_session_new(index, &config, &session) == CALLPRINT_OK);
    CHECK(callprint_session_is_decided(session) == 0);
    feed(session);
    CHECK(callprint_session_is_decided(session) == 1);
    callprint_session_free(session);
}

static void names(CallprintIndex *index)
{
    size_t i, length, renderings = callprint_index_renderings(index);
    char before[256] = "", name[256], cut[5];

    CHECK(renderings > 100);
    for (i = 0; i < renderings; i++) {
        length = callprint_index_name(index, i, name, sizeof name);
        CHECK(length > 0 && length == strlen(name) && strstr(name, "__") != NULL && strcmp(before, name) < 0);
        CHECK(callprint_index_name(index, i, NULL, 0) == length);
        CHECK(callprint_index_name(index, i, cut, sizeof cut) == length && strlen(cut) == 4 && memcmp(cut, name, 4) == 0);
        strcpy(before, name);
    }
    CHECK(callprint_index_name(index, renderings, name, sizeof name) == 0 && *name == '\0');
    CHECK(callprint_index_name(NULL, 0, name, sizeof name) == 0);
    CHECK(callprint_index_name(index, 0, NULL, 8) == 0);
}

static void checks_of_an_index(CallprintIndex *index, const char *damaged)
{
    CallprintIndex *bad = NULL;

    CHECK(callprint_index_verify(index) == CALLPRINT_OK && callprint_index_verify(NULL) == CALLPRINT_ERROR_NULL);
    CHECK(callprint_index_open(damaged, &bad) == CALLPRINT_OK);
    CHECK(callprint_index_verify(bad) == CALLPRINT_ERROR_INDEX && strstr(callprint_last_error(), "damaged") != NULL);
    callprint_index_free(bad);
}

/* Does a call play a script that the index of its session knows? */
static int is_known(CallprintSession *session)
{
    CallprintEvent event = new_event();
    int known = 0;

    while (callprint_session_poll(session, &event) == CALLPRINT_OK)
        known |= event.kind == CALLPRINT_MATCH;
    return known;
}

static void exchange(const char *other)
{
    CallprintIndex *index = NULL, *old;
    CallprintSession *running = NULL, *later = NULL;

    CHECK(callprint_index_builtin(&index) == CALLPRINT_OK);
    CHECK(callprint_session_new(index, NULL, &running) == CALLPRINT_OK);
    CHECK(callprint_session_feed_i16(running, samples, count / 4) == CALLPRINT_OK);

    old = index;
    CHECK(callprint_index_open(other, &index) == CALLPRINT_OK);
    callprint_index_free(old);
    CHECK(callprint_session_new(index, NULL, &later) == CALLPRINT_OK);

    CHECK(callprint_session_feed_i16(running, samples + count / 4, count - count / 4) == CALLPRINT_OK);
    CHECK(callprint_session_feed_i16(later, samples, count) == CALLPRINT_OK);
    CHECK(is_known(running) && !is_known(later));
    callprint_session_free(running);
    callprint_session_free(later);
    callprint_index_free(index);
}

int main(int argc, char **argv)
{
    CallprintIndex *index = NULL;
    CallprintSession *session = NULL;

    CHECK(argc == 3);
    count = fread(samples, sizeof samples[0], sizeof samples / sizeof samples[0], stdin);
    CHECK(callprint_index_builtin(&index) == CALLPRINT_OK);
    CHECK(callprint_session_new(index, NULL, &session) == CALLPRINT_OK);
    memory(session);
    record_of_a_call(session);
    late_reader(session);
    decided(index);
    names(index);
    checks_of_an_index(index, argv[2]);
    exchange(argv[1]);
    callprint_session_free(session);
    callprint_index_free(index);
    return 0;
}
