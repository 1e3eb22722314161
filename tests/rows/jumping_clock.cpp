// A wall clock that jumps, for a program that doesn't know (LD_PRELOAD; row M9).
//
// The nanoseconds by which it is wrong are the first eight octets of the file that
// JUMPING_CLOCK names, read at each question, so whoever writes them moves the clock. The
// monotonic clock stays as it is, and waits until a moment of the wall clock last as long as
// the program means them to: the kernel knows the true time only.
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
// Monotonic clocks count from the start of the machine, so they are far below this.
constexpr std::time_t kSurelyWall = 1'000'000'000;

const volatile std::int64_t* g_wrong = nullptr;

[[gnu::constructor]] void open_clock() {
  const char* const path = std::getenv("JUMPING_CLOCK");
  if (path == nullptr) return;
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) ::abort();
  void* const mapped = ::mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, file, 0);
  ::close(file);
  if (mapped == MAP_FAILED) ::abort();
  g_wrong = static_cast<const volatile std::int64_t*>(mapped);
}

timespec moved(timespec time, int sign) {
  if (g_wrong == nullptr) return time;
  const std::int64_t wrong = *g_wrong * sign;
  time.tv_sec += wrong / kSecond;
  time.tv_nsec += wrong % kSecond;
  if (time.tv_nsec < 0) --time.tv_sec, time.tv_nsec += kSecond;
  if (time.tv_nsec >= kSecond) ++time.tv_sec, time.tv_nsec -= kSecond;
  return time;
}

template <class Function>
Function real(const char* name, const char* version = nullptr) {
  void* const found = version == nullptr ? ::dlsym(RTLD_NEXT, name) : ::dlvsym(RTLD_NEXT, name, version);
  if (found == nullptr) ::abort();
  return reinterpret_cast<Function>(found);
}

bool is_wall(clockid_t id) { return id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE; }

}  // namespace

extern "C" {

int clock_gettime(clockid_t id, timespec* out) noexcept {
  static const auto next = real<int (*)(clockid_t, timespec*)>("clock_gettime");
  const int failed = next(id, out);
  if (failed == 0 && is_wall(id)) *out = moved(*out, 1);
  return failed;
}

int gettimeofday(timeval* out, void*) noexcept {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  *out = {now.tv_sec, now.tv_nsec / 1'000};
  return 0;
}

time_t time(time_t* out) noexcept {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != nullptr) *out = now.tv_sec;
  return now.tv_sec;
}

int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until) {
  using Wait = int (*)(pthread_cond_t*, pthread_mutex_t*, const timespec*);
  static const auto next = real<Wait>("pthread_cond_timedwait", "GLIBC_2.3.2");
  // Which clock it waits by is a secret of the condition.
  const timespec truly = until->tv_sec >= kSurelyWall ? moved(*until, -1) : *until;
  return next(condition, mutex, &truly);
}

int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t id,
                           const timespec* until) {
  using Wait = int (*)(pthread_cond_t*, pthread_mutex_t*, clockid_t, const timespec*);
  static const auto next = real<Wait>("pthread_cond_clockwait");
  const timespec truly = is_wall(id) ? moved(*until, -1) : *until;
  return next(condition, mutex, id, &truly);
}

int sem_timedwait(sem_t* semaphore, const timespec* until) {
  static const auto next = real<int (*)(sem_t*, const timespec*)>("sem_timedwait");
  const timespec truly = moved(*until, -1);
  return next(semaphore, &truly);
}

}  // extern "C"
