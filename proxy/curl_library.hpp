// CurlLibrary: libcurl, loaded when the first alert channel needs it.
//
// With what it depends on it takes some 6 MiB of memory that a farebox without alert channels
// has no use for, so the program isn't linked with it.
#pragma once

#include <curl/curl.h>

#include "config/base/result.hpp"

namespace farebox {

struct CurlLibrary {
  decltype(&curl_easy_init) easy_init = nullptr;
  decltype(&curl_easy_cleanup) easy_cleanup = nullptr;
  decltype(&curl_easy_setopt) easy_setopt = nullptr;
  decltype(&curl_easy_getinfo) easy_getinfo = nullptr;
  decltype(&curl_easy_perform) easy_perform = nullptr;
  decltype(&curl_easy_strerror) easy_strerror = nullptr;
  decltype(&curl_slist_append) slist_append = nullptr;
  decltype(&curl_slist_free_all) slist_free_all = nullptr;

  // Thread-safe; the same one each time, until the program ends. Error: io_failed, it isn't
  // installed.
  static Result<const CurlLibrary*> load();
};

}  // namespace farebox
