/* How the C interface is meant to be used. It does not exist yet: there is no callprint.h to include and nothing to link.
 * Names and signatures may still change.
 */
#include <stdio.h>

#include <callprint.h>

/* Scans one call that arrives as 20 ms frames of 16-bit samples at 8 kHz. */
int listen(const callprint_index *index, int (*next_frame)(int16_t frame[160]))
{
    callprint_config config = { .struct_size = sizeof config, .sample_rate = 8000, .max_far = 0.01 };
    callprint_session *call = NULL;
    callprint_status status = callprint_session_new(index, &config, &call);
    if (status != CALLPRINT_OK)
        return fprintf(stderr, "callprint: %s\n", callprint_status_text(status)), -1;

    int16_t frame[160];
    while (next_frame(frame)) {
        callprint_event event;
        callprint_session_feed_i16(call, frame, 160);
        while (callprint_session_poll(call, &event) == CALLPRINT_OK)
            if (event.type == CALLPRINT_EVENT_MATCH)
                printf("%.2f s: %s\n", event.at, event.script);
    }
    callprint_session_free(call);
    return 0;
}
