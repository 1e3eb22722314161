#include "storage/turn_log.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>

namespace farebox {
namespace {

constexpr std::uint32_t kMagic = 0x4e525554;  // "TURN"

struct FrameHead {
  std::uint32_t magic;
  std::uint32_t size;  // of the whole frame
  std::uint64_t epoch;
  std::uint64_t number;
  std::uint64_t checksum;  // of everything but itself
  std::uint32_t count;
  std::uint32_t zero;
};
struct FrameWrite {
  std::uint8_t what;
  std::uint8_t zero[7];
  std::uint64_t hold;
  std::uint64_t size;
};
static_assert(sizeof(FrameHead) == 40 && sizeof(FrameWrite) == 24);

// Finds what a crash tore, in a word a step; it is no defence against anybody.
std::uint64_t mix(std::uint64_t state, const char* octets, std::size_t size) {
  for (std::size_t at = 0; at < size; at += 8) {  // `size` is a multiple of 8
    std::uint64_t word;
    std::memcpy(&word, octets + at, 8);
    state = (state ^ word) * 0x9e3779b97f4a7c15;
    state ^= state >> 32;
  }
  return state;
}

std::uint64_t checksum_of(const FrameHead& head, const char* behind) {
  FrameHead without = head;
  without.checksum = 0;
  char octets[sizeof without];
  std::memcpy(octets, &without, sizeof without);
  return mix(mix(1, octets, sizeof octets), behind, head.size - sizeof head);
}

constexpr std::size_t padded(std::size_t size) { return (size + 7) & ~std::size_t{7}; }

Error failed(std::string_view what, const std::string& path) {
  return Error(ErrorCode::io_failed, "can't " + std::string(what) + " '" + path +
                                         "': " + std::strerror(errno));
}

// The turn of a frame; false if its parts don't fit together.
bool unpack(const FrameHead& head, const char* behind, Turn& turn) {
  std::size_t left = head.size - sizeof head;
  if (head.count > left / sizeof(FrameWrite)) return false;
  left -= head.count * sizeof(FrameWrite);
  const char* const octets = behind + head.count * sizeof(FrameWrite);
  std::size_t offset = 0;
  for (std::uint32_t i = 0; i < head.count; ++i) {
    FrameWrite said;
    std::memcpy(&said, behind + i * sizeof said, sizeof said);
    if (said.what > static_cast<std::uint8_t>(Turn::What::release) || said.size > left - offset) {
      return false;
    }
    Turn::Write& write = turn.writes.emplace_back();
    write.what = static_cast<Turn::What>(said.what);
    write.hold = HoldId{said.hold};
    write.offset = offset;
    write.size = static_cast<std::size_t>(said.size);
    offset += write.size;
  }
  turn.octets.assign(octets, offset);
  turn.number = head.number;
  return true;
}

// Calls `visit` for every whole frame of `epoch`. Gives where the first damage is.
template <class Visit>
std::optional<std::size_t> read_segment(std::string_view segment, std::uint64_t epoch,
                                        const Visit& visit) {
  std::optional<std::size_t> damage;
  std::optional<std::size_t> hole;  // where the frames end, as it seems
  std::uint64_t next = 0;           // number of the one behind the newest seen
  for (std::size_t at = 0; at + sizeof(FrameHead) <= segment.size();) {
    FrameHead head;
    std::memcpy(&head, segment.data() + at, sizeof head);
    const char* const behind = segment.data() + at + sizeof head;
    const bool fits = head.magic == kMagic && head.size >= sizeof head && head.size % 8 == 0 &&
                      head.size <= segment.size() - at;
    Turn turn;
    if (fits && head.checksum == checksum_of(head, behind) && unpack(head, behind, turn)) {
      if (head.epoch == epoch) {
        if (hole && head.number >= next && !damage) damage = hole;
        next = std::max(next, head.number + 1);
        visit(std::move(turn));
      }
      at += head.size;
      continue;
    }
    if (!hole) {
      hole = at;
      // What a kill leaves is a 0. A frame begins at 0, and where two of three say so.
      const bool empty = head.magic == 0 && head.size == 0;
      const int signs = (head.magic == kMagic) + (head.epoch == epoch) + (head.number == next);
      if (!empty && (at == 0 || signs >= 2)) damage = at;
    }
    at += 8;  // behind it are whole ones from before, or, if this is damage, newer ones
  }
  return damage;
}

}  // namespace

Result<std::unique_ptr<TurnLog>> TurnLog::open(const std::string& path, std::uint64_t epoch) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return failed("open", path);
  // All of its space is taken now: later there is nobody who could be told of a full disk.
  // What stood there is done with; it is wiped, so that what a power loss tore doesn't look
  // like damage of this epoch.
  constexpr auto kOctets = static_cast<off_t>(2 * kSegment);
  int taken = ::fallocate(file, FALLOC_FL_ZERO_RANGE, 0, kOctets) == 0 ? 0 : errno;
  if (taken == EOPNOTSUPP) {
    taken = ::ftruncate(file, 0) == 0 ? ::posix_fallocate(file, 0, kOctets) : errno;
  }
  void* const memory =
      taken == 0 ? ::mmap(nullptr, 2 * kSegment, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
                 : MAP_FAILED;
  const int why = taken != 0 ? taken : errno;
  ::close(file);
  if (memory == MAP_FAILED) {
    errno = why;
    return failed("map", path);
  }
  return std::unique_ptr<TurnLog>(new TurnLog(static_cast<char*>(memory), epoch));
}

TurnLog::~TurnLog() { ::munmap(memory_, 2 * kSegment); }

bool TurnLog::append(std::uint64_t number, const Turn& turn) {
  const std::size_t writes = turn.writes.size() * sizeof(FrameWrite);
  const std::size_t size = sizeof(FrameHead) + writes + padded(turn.octets.size());
  if (size > kSegment) return false;
  if (used_ + size > kSegment) {
    // The other one is free once the store has its turns.
    if (last_[1 - segment_] > released_) return false;
    segment_ = 1 - segment_;
    used_ = 0;
  }
  char* const frame = memory_ + segment_ * kSegment + used_;
  FrameHead head{0, 0, epoch_, number, 0, static_cast<std::uint32_t>(turn.writes.size()), 0};
  // The word that says that a frame is here: none while it is written.
  std::atomic_ref<std::uint64_t> word(*reinterpret_cast<std::uint64_t*>(frame));
  word.store(0, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  char* to = frame + sizeof(FrameHead);
  for (const Turn::Write& write : turn.writes) {
    const FrameWrite said{static_cast<std::uint8_t>(write.what), {}, write.hold.value, write.size};
    std::memcpy(to, &said, sizeof said);
    to += sizeof said;
  }
  std::memcpy(to, turn.octets.data(), turn.octets.size());
  std::memset(to + turn.octets.size(), 0, padded(turn.octets.size()) - turn.octets.size());
  head.magic = kMagic;
  head.size = static_cast<std::uint32_t>(size);
  head.checksum = checksum_of(head, frame + sizeof head);
  char octets[sizeof head];
  std::memcpy(octets, &head, sizeof head);
  std::memcpy(frame + 8, octets + 8, sizeof head - 8);
  std::uint64_t begun;
  std::memcpy(&begun, octets, sizeof begun);
  word.store(begun, std::memory_order_release);
  used_ += size;
  last_[segment_] = number;
  return true;
}

TurnLog::Left TurnLog::read(const std::string& path, std::uint64_t epoch, std::uint64_t after) {
  Left left;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    left.fault = errno == ENOENT ? std::string("is missing")
                                 : std::string("can't be opened: ") + std::strerror(errno);
    return left;
  }
  std::map<std::uint64_t, Turn> found;
  std::string segment(kSegment, '\0');
  for (std::size_t i = 0; i < 2; ++i) {
    const std::size_t begin = i * kSegment;
    const ssize_t got = ::pread(file, segment.data(), kSegment, static_cast<off_t>(begin));
    if (got != static_cast<ssize_t>(kSegment) && left.fault.empty()) {
      left.fault = got < 0 ? std::string("can't be read: ") + std::strerror(errno) : "is cut short";
    }
    const std::string_view octets(segment.data(), got < 0 ? 0 : static_cast<std::size_t>(got));
    const auto damage = read_segment(octets, epoch, [&](Turn turn) {
      if (turn.number > after) found.insert_or_assign(turn.number, std::move(turn));
    });
    if (damage && left.fault.empty()) {
      left.fault = "is damaged at octet " + std::to_string(begin + *damage);
    }
  }
  ::close(file);
  for (auto& [number, turn] : found) {
    if (number == after + 1 + left.turns.size()) {
      left.turns.push_back(std::move(turn));
    } else {
      ++left.unusable;
    }
  }
  return left;
}

}  // namespace farebox
