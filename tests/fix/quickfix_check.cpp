// Loads a data dictionary into QuickFIX and validates messages with it.
//
//   quickfix_check DICTIONARY < messages
//
// One message a line, with '|' for SOH. Prints one line per message: "ok", or QuickFIX's own words.
// Exit code 2 where the dictionary does not load.
#include <iostream>
#include <string>

#include <quickfix/DataDictionary.h>
#include <quickfix/Message.h>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: quickfix_check DICTIONARY < messages" << std::endl;
    return 2;
  }
  try {
    FIX::DataDictionary dictionary{std::string(argv[1])};
    std::string line;
    while (std::getline(std::cin, line)) {
      for (char& c : line) {
        if (c == '|') c = '\001';
      }
      try {
        const FIX::Message message(line, dictionary, true);
        dictionary.validate(message);
        std::cout << "ok" << std::endl;
      } catch (const FIX::Exception& error) {
        std::cout << error.type << ": " << error.detail << std::endl;
      }
    }
  } catch (const FIX::Exception& error) {
    std::cerr << error.what() << std::endl;
    return 2;
  }
  return 0;
}
