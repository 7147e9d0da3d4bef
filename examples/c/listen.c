/* Listens to a call from C: raw 16-bit 8 kHz mono samples on standard input, a line for each event on standard output.
 *
 *   cc -std=c99 -Wall -Wextra -o listen listen.c $(pkg-config --cflags --libs callprint)
 *   sox call.wav -t raw -e signed -b 16 -r 8000 -c 1 - | ./listen [INDEX]
 *
 * A media server does the same with each 20 ms packet of a call leg: one session for each leg, one index for all of them. The
 * index may be shared by threads; a session belongs to one thread at a time. Exit status: 0 a script was matched, 1 none
 * was, 2 an error. */
#include <callprint.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { PACKET = 160 }; /* samples in 20 ms */

static int failed(const char *what)
{
    fprintf(stderr, "listen: %s: %s\n", what, callprint_last_error());
    return 2;
}

static const char *kind_name(int32_t kind)
{
    switch (kind) {
    case CALLPRINT_ANSWERED: return "answered";
    case CALLPRINT_MATCH: return "match";
    case CALLPRINT_AMBIGUOUS: return "ambiguous";
    case CALLPRINT_MATCH_REVOKED: return "match_revoked";
    case CALLPRINT_UNMATCHED: return "unmatched";
    case CALLPRINT_MACHINE_VOICE: return "machine_voice";
    case CALLPRINT_HANDOVER: return "handover";
    case CALLPRINT_ENDED: return "ended";
    default: return NULL; /* of a newer library */
    }
}

/* Prints the events that wait. 1: a script was matched; 0: none; negative: an error. */
static int print_events(CallprintSession *session)
{
    CallprintEvent event;
    CallprintStatus status;
    int matched = 0;
    uint32_t i;

    memset(&event, 0, sizeof event);
    event.struct_size = sizeof event;
    while ((status = callprint_session_poll(session, &event)) == CALLPRINT_OK) {
        const char *kind = kind_name(event.kind);
        if (kind == NULL)
            continue;
        printf("%7.2f s  %s", event.at, kind);
        if (event.script != NULL)
            printf("  %s (%s)  %.2g false alarms an hour, from %.2f s", event.script, event.category,
                   event.false_alarms_per_hour, event.query_start);
        for (i = 0; i < event.rival_count; i++)
            printf("%s %s", i == 0 ? "  or" : ",", event.rivals[i]);
        printf("\n");
        fflush(stdout);
        matched |= event.kind == CALLPRINT_MATCH;
    }
    return status == CALLPRINT_NO_EVENT ? matched : -1;
}

int main(int argc, char **argv)
{
    CallprintIndex *index = NULL;
    CallprintSession *session = NULL;
    CallprintConfig config;
    CallprintStatus status;
    int16_t packet[PACKET];
    size_t count;
    int events, matched = 0;

    if (callprint_abi_version() != CALLPRINT_ABI_VERSION) {
        fprintf(stderr, "listen: built for another libcallprint than %s\n", callprint_version());
        return 2;
    }
    status = argc > 1 ? callprint_index_open(argv[1], &index) : callprint_index_builtin(&index);
    if (status != CALLPRINT_OK)
        return failed("index");

    memset(&config, 0, sizeof config); /* 0 means the default */
    config.struct_size = sizeof config;
    config.sample_rate = 8000;
    config.max_far = 0.01; /* wrong matches an hour */
    status = callprint_session_new(index, &config, &session);
    callprint_index_free(index); /* the session keeps what it needs */
    if (status != CALLPRINT_OK)
        return failed("session");

    while ((count = fread(packet, sizeof packet[0], PACKET, stdin)) > 0) {
        status = callprint_session_feed_i16(session, packet, count);
        events = status == CALLPRINT_OK ? print_events(session) : -1;
        if (events < 0)
            break;
        matched |= events;
    }
    if (status == CALLPRINT_OK)
        status = callprint_session_finish(session);
    events = status == CALLPRINT_OK ? print_events(session) : -1;
    callprint_session_free(session);
    if (events < 0)
        return failed("call");
    return matched || events ? 0 : 1;
}
