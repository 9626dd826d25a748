/* Transcribes raw PCM (signed 16 bit, native byte order, mono) from stdin over vosk_api.h: vosk MODEL RATE [grammar=PHRASE]. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As Vosk's header declares them. */
typedef struct VoskModel VoskModel;
typedef struct VoskRecognizer VoskRecognizer;
VoskModel *vosk_model_new(const char *path);
void vosk_model_free(VoskModel *model);
VoskRecognizer *vosk_recognizer_new(VoskModel *model, float rate);
VoskRecognizer *vosk_recognizer_new_grm(VoskModel *model, float rate, const char *grammar);
int vosk_recognizer_accept_waveform_s(VoskRecognizer *recognizer, const short *samples, int count);
const char *vosk_recognizer_result(VoskRecognizer *recognizer);
const char *vosk_recognizer_final_result(VoskRecognizer *recognizer);
void vosk_recognizer_free(VoskRecognizer *recognizer);
void vosk_set_log_level(int level);

/* Prints an object on one line. */
static void tell(const char *json) {
    for (; *json != 0; json++) {
        putchar(*json == '\n' ? ' ' : *json);
    }
    putchar('\n');
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "vosk MODEL RATE [grammar=PHRASE] < PCM\n");
        return 2;
    }
    vosk_set_log_level(-1);
    VoskModel *model = vosk_model_new(argv[1]);
    if (model == NULL) {
        return 1;
    }
    float rate = (float)atof(argv[2]);
    VoskRecognizer *recognizer;
    if (argc == 3) {
        recognizer = vosk_recognizer_new(model, rate);
    } else if (argc == 4 && strncmp(argv[3], "grammar=", 8) == 0) {
        char grammar[1000];
        snprintf(grammar, sizeof grammar, "[\"%s\"]", argv[3] + 8);
        recognizer = vosk_recognizer_new_grm(model, rate, grammar);
    } else {
        fprintf(stderr, "%s: Vosk has no such setting\n", argv[3]);
        return 2;
    }
    if (recognizer == NULL) {
        return 1;
    }
    short samples[1600];
    size_t count;
    while ((count = fread(samples, sizeof samples[0], 1600, stdin)) > 0) {
        if (vosk_recognizer_accept_waveform_s(recognizer, samples, (int)count)) {
            tell(vosk_recognizer_result(recognizer));
        }
    }
    tell(vosk_recognizer_final_result(recognizer));
    vosk_recognizer_free(recognizer);
    vosk_model_free(model);
    return 0;
}
