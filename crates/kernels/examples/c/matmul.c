/* Quantizes a matrix, multiplies it with three vectors and compares with a plain loop. Build and run: tools/test_c.sh */
#include "stonechat_kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 300, COLS = 1000, BATCH = 3 };
static float w[ROWS * COLS], x[BATCH * COLS], y[BATCH * ROWS], scales[ROWS];
static int8_t q[ROWS * COLS];

static void need(int32_t status) {
    if (status == STONECHAT_OK) return;
    fprintf(stderr, "stonechat: %s\n", stonechat_status_message(status));
    exit(1);
}

int main(void) {
    for (int i = 0; i < ROWS * COLS; i++) w[i] = cosf(3.0f * (float)i);
    for (int i = 0; i < BATCH * COLS; i++) x[i] = sinf((float)i);
    for (size_t i = 0; stonechat_isa_available(i); i++) printf("kernels: %s\n", stonechat_isa_available(i));
    if (stonechat_isa_advice()) printf("advice: %s\n", stonechat_isa_advice());

    StonechatInt8 *matrix;
    StonechatScratch *scratch;
    need(stonechat_quantize_rows(w, ROWS, COLS, q, scales));
    need(stonechat_int8_pack(q, scales, ROWS, COLS, NULL, &matrix));
    need(stonechat_scratch_new(&scratch));
    need(stonechat_int8_matmul(matrix, x, BATCH, NULL, STONECHAT_ACTIVATION_NONE, 0, scratch, NULL, y));

    double worst = 0;
    for (int b = 0; b < BATCH; b++)
        for (int m = 0; m < ROWS; m++) {
            double exact = 0;
            for (int k = 0; k < COLS; k++) exact += (double)w[m * COLS + k] * x[b * COLS + k];
            worst = fmax(worst, fabs(y[b * ROWS + m] - exact));
        }
    printf("%d x %d on %s: largest error %.3f\n", ROWS, COLS, stonechat_int8_isa(matrix), worst);
    stonechat_int8_free(matrix);
    stonechat_scratch_free(scratch);
    return worst < 1.0 ? 0 : 1;
}
