// Voxels to sums on a CUDA device; compiled when first used, for the types at hand:
//   VALUE   float or double: the stored probabilities
//   CODE    unsigned char or int: compact codes of the reference's label values
//   COLUMN  unsigned char or int: compact codes of predicted labels, or the number of the winning channel
//   LOGS    how many pairs (gamma, eta) of logarithmic sums there are
//   POWERS  how many sums of a power there are, each of the inside and of the outside (tallies/power_sums.py)
//
// Every block adds to a row of its own in a table of running sums, which the host adds up once at the end: no atomics on
// floating-point numbers, so that the same pieces always give the same bits. Blocks have THREADS threads.

#define LEAST -1.7976931348623157e308
#define KEPT 1
#define INSIDE 2

typedef long long Index;
typedef unsigned long long Count;

enum { N, R, P, I, P2, I2, REST_P, REST_I, REST_P2, REST_I2, PREDICTED, TP, MOMENTS };
enum { L1, L0, F1, F0, LOG_SUMS };
enum { ERROR, LOG, WRONG_LOG };
enum { POWERS_AT = MOMENTS + LOG_SUMS * LOGS, SLOTS = POWERS_AT + 2 * POWERS };

__device__ inline Index first() { return (Index)blockIdx.x * blockDim.x + threadIdx.x; }
__device__ inline Index step() { return (Index)gridDim.x * blockDim.x; }
__device__ inline double clipped(double value) { return fmin(fmax(value, 0.0), 1.0); }

// Adds what the threads of a block found to the block's row; the first MAXIMA slots are maxima, the others sums.
template <int MAXIMA, int SLOTS>
__device__ void gather(const double (&found)[SLOTS], double* rows)
{
    __shared__ double lane[THREADS];
    double* row = rows + (Index)blockIdx.x * SLOTS;
#pragma unroll
    for (int slot = 0; slot < SLOTS; ++slot) {
        lane[threadIdx.x] = found[slot];
        __syncthreads();
        for (unsigned int half = THREADS / 2; half > 0; half /= 2) {
            if (threadIdx.x < half) {
                double other = lane[threadIdx.x + half];
                lane[threadIdx.x] = slot < MAXIMA ? fmax(lane[threadIdx.x], other) : lane[threadIdx.x] + other;
            }
            __syncthreads();
        }
        if (threadIdx.x == 0)
            row[slot] = slot < MAXIMA ? fmax(row[slot], lane[0]) : row[slot] + lane[0];
        __syncthreads();
    }
}

__device__ inline void count(int bin, unsigned int voxels, unsigned int* local, Count* counts)
{
    if (voxels == 0)
        return;
    if (local)
        atomicAdd(&local[bin], voxels);
    else
        atomicAdd(&counts[bin], (Count)voxels);
}

// The joint histogram of two maps of codes; `shared`: it fits into a block's shared memory (4 bytes a bin).
// A thread counts equal bins in a row on its own first: most voxels are background, and would all meet in one bin.
extern "C" __global__ void count_pairs(
    const CODE* rows, const COLUMN* columns, Index n, int width, int bins, int shared, Count* counts)
{
    extern __shared__ unsigned int memory[];
    unsigned int* local = shared ? memory : 0;
    if (shared) {
        for (int bin = (int)threadIdx.x; bin < bins; bin += (int)blockDim.x)
            local[bin] = 0;
        __syncthreads();
    }
    int last = 0;
    unsigned int run = 0;
    for (Index i = first(); i < n; i += step()) {
        int bin = (int)rows[i] * width + (int)columns[i];
        if (bin != last) {
            count(last, run, local, counts);
            last = bin;
            run = 0;
        }
        ++run;
    }
    count(last, run, local, counts);
    if (shared) {
        __syncthreads();
        for (int bin = (int)threadIdx.x; bin < bins; bin += (int)blockDim.x)
            count(bin, local[bin], 0, counts);
    }
}

// What a channel's values are, and the running argmax and sum that its voxels share with the other channels.
// member: KEPT by code. The channels come in ascending order, so that the lowest one keeps a tie.
// winner: 0 for independent channels. best, total: 0 for a single map, whose winner is the threshold's.
extern "C" __global__ void meet(
    const VALUE* values, const CODE* codes, const unsigned char* member, Index n, int channel, double threshold,
    VALUE* best, COLUMN* winner, float* total, double* rows)
{
    double found[3] = {LEAST, LEAST, 0.0};  // -low, high, values that are not finite
    for (Index i = first(); i < n; i += step()) {
        double value = values[i];
        if (member[codes[i]] & KEPT) {
            if (fabs(value) <= -LEAST) {
                found[0] = fmax(found[0], -value);
                found[1] = fmax(found[1], value);
            } else {
                found[2] += 1.0;
            }
        }
        if (best) {
            if (channel == 0 || value > (double)best[i]) {
                best[i] = values[i];
                winner[i] = (COLUMN)channel;
            }
            total[i] = (float)((channel == 0 ? 0.0 : (double)total[i]) + value);
        } else if (winner) {
            winner[i] = value >= threshold;
        }
    }
    gather<2, 3>(found, rows);
}

// How far the channels of an evaluated voxel are from summing to 1.
extern "C" __global__ void sum_error(
    const float* total, const CODE* codes, const unsigned char* member, Index n, double* rows)
{
    double found[1] = {0.0};
    for (Index i = first(); i < n; i += step())
        if (member[codes[i]] & KEPT)
            found[0] = fmax(found[0], (double)fabsf(total[i] - 1.0f));
    gather<1, 1>(found, rows);
}

// Adds a channel to a target made of several: to their sum, or (chosen is not 0) to the maximum of independent ones.
extern "C" __global__ void collect(
    const VALUE* values, Index n, double threshold, double* plane, unsigned char* chosen)
{
    for (Index i = first(); i < n; i += step()) {
        double p = clipped(values[i]);
        if (chosen) {
            plane[i] = fmax(plane[i], p);
            chosen[i] |= (double)values[i] >= threshold;
        } else {
            plane[i] += p;
        }
    }
}

// All sums of one target in one pass. member: KEPT and INSIDE by code. settings: gamma, eta of the first pair, and so on;
// behind them what, gamma, eta of the first sum of a power, and so on.
// hard: count the voxels from the threshold on, too, or those of `chosen` where it is not 0.
// REST_P and so on: the same moments of the rest, 1 - p against 1 - r, rather than differences of large sums.
extern "C" __global__ void sum_target(
    const VALUE* values, const CODE* codes, const unsigned char* member, Index n, const double* settings, int hard,
    double threshold, const unsigned char* chosen, double* rows)
{
    double found[SLOTS] = {};
    for (Index i = first(); i < n; i += step()) {
        unsigned char membership = member[codes[i]];
        if (!(membership & KEPT))
            continue;
        bool inside = membership & INSIDE;
        double p = clipped(values[i]), rest = 1.0 - p;
        found[N] += 1.0;
        found[P] += p;
        found[P2] += p * p;
        found[REST_P] += rest;
        found[REST_P2] += rest * rest;
        if (inside) {
            found[R] += 1.0;
            found[I] += p;
            found[I2] += p * p;
        } else {
            found[REST_I] += rest;
            found[REST_I2] += rest * rest;
        }
        if (hard && (chosen ? chosen[i] != 0 : (double)values[i] >= threshold)) {
            found[PREDICTED] += 1.0;
            if (inside)
                found[TP] += 1.0;
        }
        double truth = inside ? p : rest;  // the probability of what is the case
        double missed = 1.0 - truth;
        double logarithm = 0.0, clip = -1.0;
#pragma unroll
        for (int k = 0; k < LOGS; ++k) {
            double gamma = settings[2 * k], eta = settings[2 * k + 1];
            if (eta != clip) {
                clip = eta;
                logarithm = log(fmin(fmax(truth, eta), 1.0 - eta));
            }
            double focal = logarithm * (gamma == 2.0 ? missed * missed : pow(missed, gamma));  // pow(0, 0) is 1
            double* sums = found + MOMENTS + LOG_SUMS * k;
            if (inside) {
                sums[L1] += logarithm;
                sums[F1] += focal;
            } else {
                sums[L0] += logarithm;
                sums[F0] += focal;
            }
        }
#pragma unroll
        for (int k = 0; k < POWERS; ++k) {
            const double* what = settings + 2 * LOGS + 3 * k;
            double gamma = what[1], eta = what[2];
            double term = what[0] == ERROR ? pow(missed, gamma)
                : what[0] == LOG           ? pow(-log(fmin(fmax(truth, eta), 1.0 - eta)), gamma)
                                           : log(fmin(fmax(missed, eta), 1.0 - eta));
            found[POWERS_AT + 2 * k + !inside] += term;
        }
    }
    gather<0, SLOTS>(found, rows);
}
