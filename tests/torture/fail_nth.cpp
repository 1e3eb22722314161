#include "fail_nth.hpp"

#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <unwind.h>

#include <cstdlib>
#include <cstring>

namespace torture {
namespace {

Page nobody_looks;
thread_local bool inside = false;  // of what this library itself calls

// Where the code of a library lies.
struct Range {
  std::uintptr_t begin, end;
  bool strange;  // RocksDB, OpenSSL
  bool own;      // the program, and what calls malloc for it
};
Range ranges[64];
std::size_t range_count = 0;

int note_library(dl_phdr_info* info, std::size_t, void*) {
  const auto is = [&](const char* name) { return std::strstr(info->dlpi_name, name) != nullptr; };
  Range range{~std::uintptr_t{0}, 0, is("librocksdb") || is("libcrypto") || is("libssl"),
              info->dlpi_name[0] == 0 || is("libz.") || is("libzstd") || is("libbrotli") ||
                  is("libsimdjson")};
  if (!range.strange && !range.own) return 0;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = info->dlpi_phdr[i];
    if (part.p_type != PT_LOAD) continue;
    const std::uintptr_t begin = info->dlpi_addr + part.p_vaddr;
    if (begin < range.begin) range.begin = begin;
    if (begin + part.p_memsz > range.end) range.end = begin + part.p_memsz;
  }
  if (range_count < sizeof ranges / sizeof *ranges) ranges[range_count++] = range;
  return 0;
}

const Range* range_of(std::uintptr_t place) {
  for (std::size_t i = 0; i < range_count; ++i) {
    if (place >= ranges[i].begin && place < ranges[i].end) return &ranges[i];
  }
  return nullptr;
}

__attribute__((constructor)) void map_page() {
  const char* const name = std::getenv("FAREBOX_TORTURE_PAGE");
  if (name == nullptr) return;
  const int fd = static_cast<int>(open(name, O_RDWR | O_CLOEXEC));
  if (fd < 0) return;
  void* const mapped = mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  dl_iterate_phdr(note_library, nullptr);
  if (mapped != MAP_FAILED) page = static_cast<Page*>(mapped);
}

struct Walk {
  std::uint64_t from[kFrames];
  std::size_t count = 0;
  bool strange = false;
};

_Unwind_Reason_Code step(_Unwind_Context* context, void* into) {
  Walk& walk = *static_cast<Walk*>(into);
  const auto place = static_cast<std::uintptr_t>(_Unwind_GetIP(context));
  if (place == 0 || walk.count == kFrames) return _URC_END_OF_STACK;
  const Range* const range = range_of(place);
  walk.strange = walk.strange || (range != nullptr && range->strange);
  walk.from[walk.count++] = place;
  return walk.strange ? _URC_END_OF_STACK : _URC_NO_REASON;
}

}  // namespace

Page* page = &nobody_looks;

bool fails(std::uint32_t kind, const char* what) {
  if (page->kind.load(std::memory_order_acquire) != kind || inside) return false;
  inside = true;
  Walk walk;
  _Unwind_Backtrace(step, &walk);
  bool fail = false;
  if (!walk.strange) {
    fail = page->seen.fetch_add(1) + 1 == page->n;
    if (fail) {
      std::strncpy(page->what, what, sizeof page->what - 1);
      prctl(PR_GET_NAME, page->thread);
      std::memcpy(page->from, walk.from, sizeof page->from);
      page->frames = static_cast<std::uint32_t>(walk.count);
      page->fired.store(1, std::memory_order_release);
    }
  }
  inside = false;
  return fail;
}

bool is_own(void* caller) {
  if (page->kind.load(std::memory_order_relaxed) != kAllocations) return false;
  const Range* const range = range_of(reinterpret_cast<std::uintptr_t>(caller));
  return range != nullptr && range->own;
}

}  // namespace torture
