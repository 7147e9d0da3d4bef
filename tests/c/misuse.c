/* Uses the C interface wrongly in every way that it promises to notice, then rightly: growth of structs, odd pieces, reset and
 * reuse, two threads on one index. 16-bit samples at 8 kHz on standard input. Exits with 0, or says which line failed. */
#include <callprint.h>
#include <math.h>
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

static int16_t samples[80000];
static size_t count;

static void wrong_arguments(CallprintIndex *index, CallprintSession *session)
{
    CallprintIndex *no_index = index;
    CallprintSession *no_session = session;
    CallprintEvent event;
    CallprintConfig config;

    CHECK(callprint_index_open(NULL, &no_index) == CALLPRINT_ERROR_NULL && no_index == NULL);
    CHECK(callprint_index_open("/", NULL) == CALLPRINT_ERROR_NULL);
    CHECK(callprint_index_open("/nowhere", &no_index) == CALLPRINT_ERROR_IO);
    CHECK(strstr(callprint_last_error(), "/nowhere") != NULL);
    CHECK(callprint_index_open("/proc/self/exe", &no_index) == CALLPRINT_ERROR_INDEX);
    CHECK(callprint_index_renderings(NULL) == 0 && callprint_index_renderings(index) > 0);
    CHECK(callprint_session_new(NULL, NULL, &no_session) == CALLPRINT_ERROR_NULL && no_session == NULL);
    CHECK(callprint_session_new((CallprintIndex *)(void *)session, NULL, &no_session) == CALLPRINT_ERROR_ARGUMENT);
    CHECK(callprint_session_feed_i16(NULL, samples, 1) == CALLPRINT_ERROR_NULL);
    CHECK(callprint_session_feed_i16((CallprintSession *)(void *)index, samples, 1) == CALLPRINT_ERROR_ARGUMENT);
    CHECK(callprint_session_feed_i16(session, NULL, 1) == CALLPRINT_ERROR_NULL);
    CHECK(callprint_session_feed_i16(session, NULL, 0) == CALLPRINT_OK);
    CHECK(callprint_session_feed_i16(session, samples, (size_t)-1) == CALLPRINT_ERROR_ARGUMENT);
    CHECK(callprint_session_feed_i16(session, (int16_t *)(void *)((char *)samples + 1), 1) == CALLPRINT_ERROR_ARGUMENT);
    CHECK(callprint_session_poll(session, NULL) == CALLPRINT_ERROR_NULL);
    memset(&event, 0, sizeof event);
    CHECK(callprint_session_poll(session, &event) == CALLPRINT_ERROR_STRUCT_SIZE);
    event.struct_size = (size_t)-1;
    CHECK(callprint_session_poll(session, &event) == CALLPRINT_ERROR_STRUCT_SIZE);
    event.struct_size = sizeof event;
    CHECK(callprint_session_poll(session, &event) == CALLPRINT_NO_EVENT);
    memset(&config, 0, sizeof config);
    CHECK(callprint_session_new(index, &config, &no_session) == CALLPRINT_ERROR_STRUCT_SIZE);
    config.struct_size = (size_t)-1;
    CHECK(callprint_session_new(index, &config, &no_session) == CALLPRINT_ERROR_STRUCT_SIZE && no_session == NULL);
    config.struct_size = sizeof config;
    config.sample_rate = 7;
    CHECK(callprint_session_new(index, &config, &no_session) == CALLPRINT_ERROR_ARGUMENT && no_session == NULL);
    CHECK(strstr(callprint_last_error(), "7 Hz") != NULL);
    config.sample_rate = 0;
    config.max_far = HUGE_VAL;
    CHECK(callprint_session_new(index, &config, &no_session) == CALLPRINT_ERROR_ARGUMENT && no_session == NULL);
    CHECK(strstr(callprint_last_error(), "finite") != NULL);
    config.max_far = 0.0;
    config.stop_when_decided = 2;
    CHECK(callprint_session_new(index, &config, &no_session) == CALLPRINT_ERROR_ARGUMENT && no_session == NULL);
    CHECK(strstr(callprint_last_error(), "stop_when_decided is 2") != NULL);
    config.stop_when_decided = 0;
    config.skip_machine_voice = 77;
    CHECK(callprint_session_new(index, &config, &no_session) == CALLPRINT_ERROR_ARGUMENT && no_session == NULL);
    config.skip_machine_voice = 0;
    config.reserved = 5;
    CHECK(callprint_session_new(index, &config, &no_session) == CALLPRINT_ERROR_STRUCT_SIZE && no_session == NULL);
    CHECK(callprint_session_best(session, NULL) == CALLPRINT_ERROR_NULL);
    CHECK(callprint_session_best(NULL, &event) == CALLPRINT_ERROR_NULL);
    CHECK(callprint_session_is_decided(NULL) == 0 && callprint_session_seconds(NULL) == 0.0);
    CHECK(callprint_session_answered_at((CallprintSession *)(void *)index) == -1.0);
    callprint_session_free(NULL);
    callprint_index_free(NULL);
    callprint_session_free((CallprintSession *)(void *)index); /* wrong kind: nothing happens */
    CHECK(callprint_index_renderings(index) > 0);
}

/* A caller that was built against a later header, whose structs are longer. */
static void later_caller(CallprintIndex *index)
{
    struct { CallprintConfig known; double more; } config;
    struct { CallprintEvent known; char more[24]; } event;
    CallprintSession *session = NULL;

    memset(&config, 0, sizeof config);
    config.known.struct_size = sizeof config;
    config.more = 1.0;
    CHECK(callprint_session_new(index, &config.known, &session) == CALLPRINT_ERROR_STRUCT_SIZE);
    config.more = 0.0;
    CHECK(callprint_session_new(index, &config.known, &session) == CALLPRINT_OK);
    CHECK(callprint_session_finish(session) == CALLPRINT_OK);
    memset(&event, 0x55, sizeof event);
    event.known.struct_size = sizeof event;
    CHECK(callprint_session_poll(session, &event.known) == CALLPRINT_OK);
    CHECK(event.known.kind == CALLPRINT_ENDED && event.known.struct_size == sizeof event && event.more[0] == 0x55);
    callprint_session_free(session);
}

/* The number of events of a call that is fed in pieces of `piece` samples. */
static int listen(CallprintSession *session, size_t piece)
{
    CallprintEvent event;
    int events = 0;
    size_t at;

    memset(&event, 0, sizeof event);
    event.struct_size = sizeof event;
    for (at = 0; at < count; at += piece)
        CHECK(callprint_session_feed_i16(session, samples + at, piece < count - at ? piece : count - at) == CALLPRINT_OK);
    CHECK(callprint_session_finish(session) == CALLPRINT_OK);
    while (callprint_session_poll(session, &event) == CALLPRINT_OK)
        events++;
    CHECK(event.kind == CALLPRINT_ENDED);
    CHECK(callprint_session_reset(session) == CALLPRINT_OK);
    return events;
}

static void *another_thread(void *index)
{
    CallprintSession *session = NULL;

    CHECK(*callprint_last_error() == '\0');
    CHECK(callprint_session_new(index, NULL, &session) == CALLPRINT_OK);
    listen(session, 160);
    callprint_session_free(session);
    return NULL;
}

int main(void)
{
    CallprintIndex *index = NULL;
    CallprintSession *session = NULL;
    pthread_attr_t small;
    pthread_t thread;
    int events;

    count = fread(samples, sizeof samples[0], sizeof samples / sizeof samples[0], stdin);
    CHECK(callprint_index_builtin(&index) == CALLPRINT_OK);
    CHECK(callprint_session_new(index, NULL, &session) == CALLPRINT_OK);
    wrong_arguments(index, session);
    later_caller(index);
    /* The stack that the header asks for; media servers give their threads little more. */
    CHECK(pthread_attr_init(&small) == 0 && pthread_attr_setstacksize(&small, 192 * 1024) == 0);
    CHECK(pthread_create(&thread, &small, another_thread, index) == 0);
    events = listen(session, count);
    CHECK(events > 0 && listen(session, 37) == events);
    CHECK(pthread_join(thread, NULL) == 0);
    callprint_index_free(index);
    callprint_session_free(session);
    return 0;
}
