#include "storage/turn_log.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

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

}  // namespace

Result<std::unique_ptr<TurnLog>> TurnLog::open(const std::string& path, std::uint64_t epoch) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return failed("open", path);
  // All of its space is taken now: later there is nobody who could be told of a full disk.
  const int taken = ::posix_fallocate(file, 0, static_cast<off_t>(2 * kSegment));
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
  char* to = frame + sizeof(FrameHead);
  for (const Turn::Write& write : turn.writes) {
    const FrameWrite said{static_cast<std::uint8_t>(write.what), {}, write.hold.value, write.size};
    std::memcpy(to, &said, sizeof said);
    to += sizeof said;
  }
  std::memcpy(to, turn.octets.data(), turn.octets.size());
  std::memset(to + turn.octets.size(), 0, padded(turn.octets.size()) - turn.octets.size());
  FrameHead head{kMagic, static_cast<std::uint32_t>(size), epoch_, number, 0,
                 static_cast<std::uint32_t>(turn.writes.size()), 0};
  head.checksum = checksum_of(head, frame + sizeof head);
  std::memcpy(frame, &head, sizeof head);
  used_ += size;
  last_[segment_] = number;
  return true;
}

std::vector<Turn> TurnLog::read(const std::string& path, std::uint64_t epoch,
                                std::uint64_t after) {
  std::vector<Turn> turns;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return turns;
  std::map<std::uint64_t, Turn> found;
  std::string segment(kSegment, '\0');
  for (std::size_t i = 0; i < 2; ++i) {
    const ssize_t got =
        ::pread(file, segment.data(), kSegment, static_cast<off_t>(i * kSegment));
    const std::size_t end = got < 0 ? 0 : static_cast<std::size_t>(got);
    for (std::size_t at = 0; at + sizeof(FrameHead) <= end;) {
      FrameHead head;
      std::memcpy(&head, segment.data() + at, sizeof head);
      const bool fits = head.magic == kMagic && head.size >= sizeof head && head.size % 8 == 0 &&
                        head.size <= end - at;
      const char* const behind = segment.data() + at + sizeof head;
      if (!fits || head.checksum != checksum_of(head, behind)) break;
      Turn turn;
      if (head.epoch == epoch && head.number > after && unpack(head, behind, turn)) {
        found.insert_or_assign(head.number, std::move(turn));
      }
      at += head.size;
    }
  }
  ::close(file);
  for (auto& [number, turn] : found) {
    if (number != after + 1 + turns.size()) break;
    turns.push_back(std::move(turn));
  }
  return turns;
}

}  // namespace farebox
