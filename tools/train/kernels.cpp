// Fused passes of the training loop: gated linear recurrences, RMS normalisation, errors of masked
// spectra; activations are bfloat16.
// Each function is the exact arithmetic of its PyTorch reference (scan.py, model.py) in one sweep
// over memory. Built on first use by kernels.py.
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

using bf16 = uint16_t;

static inline float load(bf16 value) {
    uint32_t bits = static_cast<uint32_t>(value) << 16;
    float out;
    std::memcpy(&out, &bits, 4);
    return out;
}

static inline bf16 round_to_bf16(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, 4);
    return static_cast<bf16>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

static inline float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }

// Rows are scanned over `steps`; element (step s, row r, channel e) of a tensor with `width`
// channels lies at (s * step_stride + r * row_stride) * width + e. Channels from `forward` on run
// from the last step to the first.
struct Shape {
    int64_t steps, rows, step_stride, row_stride, channels, forward;
};

static inline int64_t place(const Shape& s, int64_t step, int64_t row) {
    return step * s.step_stride + row * s.row_stride;
}

static void scan_part(const Shape& s, const bf16* gates, const float* initial, bf16* states,
                      bf16* out, float* last, int64_t row0, int64_t row1, int64_t e0, int64_t e1,
                      bool backwards) {
    const int64_t E = s.channels, n = e1 - e0;
    std::vector<float> memory((row1 - row0) * n, 0.0f);
    if (initial)
        for (int64_t r = row0; r < row1; ++r)
            std::memcpy(&memory[(r - row0) * n], initial + r * E + e0, n * sizeof(float));
    for (int64_t i = 0; i < s.steps; ++i) {
        const int64_t step = backwards ? s.steps - 1 - i : i;
        for (int64_t r = row0; r < row1; ++r) {
            const int64_t at = place(s, step, r);
            const bf16* z = gates + at * 3 * E + e0;
            const bf16 *c = z + E, *g = z + 2 * E;
            bf16 *state = states + at * E + e0, *y = out + at * E + e0;
            float* h = &memory[(r - row0) * n];
#pragma omp simd
            for (int64_t e = 0; e < n; ++e) {
                const float a = sigmoid(load(z[e])), candidate = load(c[e]), gate = load(g[e]);
                h[e] = candidate + a * (h[e] - candidate);
                state[e] = round_to_bf16(h[e]);
                y[e] = round_to_bf16(h[e] * gate * sigmoid(gate));
            }
        }
    }
    if (last)
        for (int64_t r = row0; r < row1; ++r)
            std::memcpy(last + r * E + e0, &memory[(r - row0) * n], n * sizeof(float));
}

static void scan_part_backward(const Shape& s, const bf16* gates, const bf16* initial,
                               const bf16* states, const bf16* grad_out, bf16* grad_gates,
                               int64_t row0, int64_t row1, int64_t e0, int64_t e1,
                               bool backwards) {
    const int64_t E = s.channels, n = e1 - e0;
    std::vector<float> carried((row1 - row0) * n, 0.0f);
    const std::vector<bf16> zeros(n, 0);
    for (int64_t i = s.steps - 1; i >= 0; --i) {
        const int64_t step = backwards ? s.steps - 1 - i : i;
        const int64_t before = backwards ? step + 1 : step - 1;
        for (int64_t r = row0; r < row1; ++r) {
            const int64_t at = place(s, step, r);
            const bf16* z = gates + at * 3 * E + e0;
            const bf16 *c = z + E, *g = z + 2 * E;
            const bf16 *state = states + at * E + e0, *dy = grad_out + at * E + e0;
            const bf16* previous = i > 0 ? states + place(s, before, r) * E + e0
                                         : (initial ? initial + r * E + e0 : zeros.data());
            bf16* dz = grad_gates + at * 3 * E + e0;
            bf16 *dc = dz + E, *dg = dz + 2 * E;
            float* carry = &carried[(r - row0) * n];
#pragma omp simd
            for (int64_t e = 0; e < n; ++e) {
                const float a = sigmoid(load(z[e])), candidate = load(c[e]), gate = load(g[e]);
                const float open = sigmoid(gate), d = load(dy[e]);
                const float dh = d * gate * open + carry[e];
                dz[e] = round_to_bf16(dh * (load(previous[e]) - candidate) * a * (1.0f - a));
                dc[e] = round_to_bf16(dh * (1.0f - a));
                dg[e] = round_to_bf16(d * load(state[e]) * open * (1.0f + gate * (1.0f - open)));
                carry[e] = a * dh;
            }
        }
    }
}

// Rows of one task: few enough for their data to stay in a cache, enough to read whole lines.
static int64_t rows_of_task(const Shape& s) { return s.row_stride == 1 ? 36 : 1; }

static void mean_mask(int64_t stems, int64_t plane, const bf16* masks, float* mean) {
    for (int64_t i = 0; i < plane * 2; ++i) mean[i] = 0.0f;
    for (int64_t s = 0; s < stems; ++s)
        for (int64_t i = 0; i < plane * 2; ++i)
            mean[i] += load(masks[s * plane * 2 + i]) / stems;
}

extern "C" {

void scan_forward(Shape s, const bf16* gates, const float* initial, bf16* states, bf16* out,
                  float* last) {
    const int64_t size = rows_of_task(s), blocks = (s.rows + size - 1) / size;
#pragma omp parallel for schedule(static)
    for (int64_t b = 0; b < blocks; ++b) {
        const int64_t r0 = b * size, r1 = std::min(s.rows, r0 + size);
        scan_part(s, gates, initial, states, out, last, r0, r1, 0, s.forward, false);
        if (s.forward < s.channels)
            scan_part(s, gates, initial, states, out, last, r0, r1, s.forward, s.channels, true);
    }
}

void scan_backward(Shape s, const bf16* gates, const bf16* initial, const bf16* states,
                   const bf16* grad_out, bf16* grad_gates) {
    const int64_t size = rows_of_task(s), blocks = (s.rows + size - 1) / size;
#pragma omp parallel for schedule(static)
    for (int64_t b = 0; b < blocks; ++b) {
        const int64_t r0 = b * size, r1 = std::min(s.rows, r0 + size);
        scan_part_backward(s, gates, initial, states, grad_out, grad_gates, r0, r1, 0, s.forward,
                           false);
        if (s.forward < s.channels)
            scan_part_backward(s, gates, initial, states, grad_out, grad_gates, r0, r1, s.forward,
                               s.channels, true);
    }
}

void rms_norm_forward(int64_t rows, int64_t n, const float* x, const float* gain, bf16* out) {
#pragma omp parallel for schedule(static)
    for (int64_t r = 0; r < rows; ++r) {
        const float* row = x + r * n;
        float power = 0.0f;
#pragma omp simd reduction(+ : power)
        for (int64_t e = 0; e < n; ++e) power += row[e] * row[e];
        const float scale = 1.0f / std::sqrt(power / n + 1e-6f);
#pragma omp simd
        for (int64_t e = 0; e < n; ++e) out[r * n + e] = round_to_bf16(row[e] * scale * gain[e]);
    }
}

void rms_norm_backward(int64_t rows, int64_t n, const float* x, const float* gain,
                       const bf16* grad_out, float* grad_x, float* grad_gain) {
    std::vector<float> partial(omp_get_max_threads() * n, 0.0f);
#pragma omp parallel
    {
        std::vector<float> d(n);
        float* sums = &partial[omp_get_thread_num() * n];
#pragma omp for schedule(static)
        for (int64_t r = 0; r < rows; ++r) {
            const float* row = x + r * n;
            float power = 0.0f, along = 0.0f;
#pragma omp simd reduction(+ : power, along)
            for (int64_t e = 0; e < n; ++e) {
                power += row[e] * row[e];
                d[e] = load(grad_out[r * n + e]);
                along += row[e] * d[e] * gain[e];
            }
            const float scale = 1.0f / std::sqrt(power / n + 1e-6f);
            const float pull = along * scale * scale * scale / n;
#pragma omp simd
            for (int64_t e = 0; e < n; ++e) {
                sums[e] += d[e] * row[e] * scale;
                grad_x[r * n + e] = d[e] * gain[e] * scale - row[e] * pull;
            }
        }
    }
    for (size_t i = 0; i < partial.size(); ++i) grad_gain[i % n] += partial[i];  // in fixed order
}

// Squared errors [items, stems] of mixture * (mask - mean of masks + 1 / stems) against targets.
// Layout of masks and targets: [frames, items, stems, plane, 2]; of the mixture without stems.
// `judged` [items, plane] weighs the bins.
void mask_errors(int64_t frames, int64_t items, int64_t stems, int64_t plane, const bf16* masks,
                 const float* mixture, const float* target, const float* judged, double* errors) {
    std::vector<double> partial(omp_get_max_threads() * items * stems, 0.0);
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < frames * items; ++row) {
        const int64_t item = row % items;
        const float *x = mixture + row * plane * 2, *weight = judged + item * plane;
        double* sums = &partial[(omp_get_thread_num() * items + item) * stems];
        std::vector<float> mean(plane * 2);
        mean_mask(stems, plane, masks + row * stems * plane * 2, mean.data());
        for (int64_t s = 0; s < stems; ++s) {
            const bf16* m = masks + (row * stems + s) * plane * 2;
            const float* y = target + (row * stems + s) * plane * 2;
            float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
            for (int64_t i = 0; i < plane; ++i) {
                const float re = load(m[2 * i]) - mean[2 * i] + 1.0f / stems;
                const float im = load(m[2 * i + 1]) - mean[2 * i + 1];
                const float dr = re * x[2 * i] - im * x[2 * i + 1] - y[2 * i];
                const float di = re * x[2 * i + 1] + im * x[2 * i] - y[2 * i + 1];
                sum += weight[i] * (dr * dr + di * di);
            }
            sums[s] += sum;
        }
    }
    for (size_t i = 0; i < partial.size(); ++i) errors[i % (items * stems)] += partial[i];
}

// Gradient of the masks for upstream gradients `scale` [items, stems] of the errors.
void mask_errors_backward(int64_t frames, int64_t items, int64_t stems, int64_t plane,
                          const bf16* masks, const float* mixture, const float* target,
                          const float* judged, const float* scale, bf16* grad_masks) {
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < frames * items; ++row) {
        const int64_t item = row % items, size = plane * 2;
        const float *x = mixture + row * size, *weight = judged + item * plane;
        std::vector<float> mean(size), pull(size * stems), common(size, 0.0f);
        mean_mask(stems, plane, masks + row * stems * size, mean.data());
        for (int64_t s = 0; s < stems; ++s) {
            const bf16* m = masks + (row * stems + s) * size;
            const float* y = target + (row * stems + s) * size;
            const float factor = 2.0f * scale[item * stems + s];
            float* g = &pull[s * size];
#pragma omp simd
            for (int64_t i = 0; i < plane; ++i) {
                const float re = load(m[2 * i]) - mean[2 * i] + 1.0f / stems;
                const float im = load(m[2 * i + 1]) - mean[2 * i + 1];
                const float dr = re * x[2 * i] - im * x[2 * i + 1] - y[2 * i];
                const float di = re * x[2 * i + 1] + im * x[2 * i] - y[2 * i + 1];
                g[2 * i] = factor * weight[i] * (dr * x[2 * i] + di * x[2 * i + 1]);
                g[2 * i + 1] = factor * weight[i] * (di * x[2 * i] - dr * x[2 * i + 1]);
            }
            for (int64_t i = 0; i < size; ++i) common[i] += g[i] / stems;
        }
        for (int64_t s = 0; s < stems; ++s)
            for (int64_t i = 0; i < size; ++i)
                grad_masks[(row * stems + s) * size + i] =
                    round_to_bf16(pull[s * size + i] - common[i]);
    }
}
}
