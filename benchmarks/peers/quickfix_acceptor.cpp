// The yardstick: a QuickFIX C++ acceptor that answers every NewOrderSingle with one ExecutionReport.
//
// No book, no risk, no fsync: what an exchange would pay for the session layer alone. Messages are
// kept in QuickFIX's FileStore, so that it could resend them, as the venue can.
//
//   quickfix_acceptor CONFIG single|threaded
//
// One thread for all sessions, or one for each; runs until SIGTERM, or until its parent ends.
//
// Debian's libquickfix 1.15 declares dynamic exception specifications: build with -std=c++14.

#include <atomic>
#include <csignal>
#include <memory>
#include <string>

#include <sys/prctl.h>

#include <quickfix/Application.h>
#include <quickfix/FileStore.h>
#include <quickfix/Session.h>
#include <quickfix/SessionSettings.h>
#include <quickfix/SocketAcceptor.h>
#include <quickfix/ThreadedSocketAcceptor.h>
#include <quickfix/fix44/ExecutionReport.h>

namespace {

class Acknowledger : public FIX::NullApplication {
public:
  void fromApp(const FIX::Message& order, const FIX::SessionID& session) throw(
      FIX::FieldNotFound, FIX::IncorrectDataFormat, FIX::IncorrectTagValue,
      FIX::UnsupportedMessageType) override {
    FIX::MsgType type;
    order.getHeader().getField(type);
    if (type != FIX::MsgType_NewOrderSingle) {
      throw FIX::UnsupportedMessageType();
    }
    FIX::ClOrdID clOrdID;
    FIX::Symbol symbol;
    FIX::Side side;
    FIX::OrdType ordType;
    FIX::OrderQty quantity;
    FIX::Price price;
    order.getField(clOrdID);
    order.getField(symbol);
    order.getField(side);
    order.getField(ordType);
    order.getField(quantity);
    order.getField(price);

    const std::string number = std::to_string(++orders_);
    FIX44::ExecutionReport report(
        FIX::OrderID(number), FIX::ExecID("E" + number), FIX::ExecType(FIX::ExecType_NEW),
        FIX::OrdStatus(FIX::OrdStatus_NEW), side, FIX::LeavesQty(quantity), FIX::CumQty(0),
        FIX::AvgPx(0));
    report.set(clOrdID);
    report.set(symbol);
    report.set(ordType);
    report.set(quantity);
    report.set(price);
    FIX::Session::sendToTarget(report, session);
  }

private:
  std::atomic<long> orders_{0};
};

} // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    return 2;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Blocked before any thread starts, so that all of them leave the signal to sigwait.
  sigset_t stops;
  sigemptyset(&stops);
  sigaddset(&stops, SIGTERM);
  sigaddset(&stops, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stops, nullptr);

  FIX::SessionSettings settings(argv[1]);
  Acknowledger application;
  FIX::FileStoreFactory store(settings);
  std::unique_ptr<FIX::Acceptor> acceptor;
  if (std::string(argv[2]) == "threaded") {
    acceptor.reset(new FIX::ThreadedSocketAcceptor(application, store, settings));
  } else {
    acceptor.reset(new FIX::SocketAcceptor(application, store, settings));
  }
  acceptor->start();
  int signal = 0;
  sigwait(&stops, &signal);
  acceptor->stop(true);
  return 0;
}
