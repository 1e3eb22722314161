// run_loop: an event loop that outlives its handlers' exceptions.
//
// Nothing here throws but for want of memory. A handler that found none ends what it belonged to;
// Asio destroys the coroutine that it would have resumed, with all that it owns.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <exception>
#include <utility>

#include "proxy/net.hpp"

namespace farebox {

// Returns when the context is stopped or has nothing to do. `note` is told of each exception, and
// throws none.
template <class Note>
void run_loop(asio::io_context& context, const Note& note) {
  while (true) {
    try {
      context.run();
      return;
    } catch (const std::exception& error) {
      note(error);
    }
  }
}

// The same for one errand on a thread of a pool, which would end the program.
template <class What>
void post_guarded(asio::thread_pool& pool, What what) {
  asio::post(pool, [what = std::move(what)] {
    try {
      what();
    } catch (const std::exception&) {
      // Its next time does it.
    }
  });
}

}  // namespace farebox
