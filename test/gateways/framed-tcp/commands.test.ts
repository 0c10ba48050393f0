/** Who one is and what one may ask: points 5 and 6, with the exact texts. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RawSession } from "../../support/raw-session.ts";
import { ChatPeer, chat, command, said, system } from "./chat-peer.ts";
import { startChatServer } from "./chat-server.ts";

const known = "/rename NAME, /list and /msg NAME text";

describe("/rename", () => {
  it("gives a name, which everybody else is told, and the renamed in words of its own", async (t) => {
    const { port } = await startChatServer(t);
    const [a, b] = [await ChatPeer.guest(port), await ChatPeer.guest(port)];
    a.send(command("/rename", "imran"));
    await a.expect(system("you are now imran"));
    await b.expect(system("guest-1 is now imran"));
    a.send(command("rename", " Imran2 "), chat("hi"));
    await a.expect(system("you are now Imran2"));
    await b.expect(system("imran is now Imran2"), said("Imran2", "hi"));
    for (const peer of [a, b]) await peer.hasNothing();
  });

  it("may be typed as plain text", async (t) => {
    const { port } = await startChatServer(t);
    const [a, b] = [await ChatPeer.connect(port), await ChatPeer.guest(port)];
    a.send("/rename paula\n", "/RENAME Paul", "hello");
    await a.expect("server: you are now paula", "server: you are now Paul");
    await b.until(said("Paul", "hello"));
  });

  it("refuses a name that is taken, not allowed or a guest's, to the sender alone", async (t) => {
    const { port, nativePort } = await startChatServer(t);
    const [a, b] = [await ChatPeer.named(port, "imran"), await ChatPeer.guest(port)];
    await RawSession.login(nativePort, "Nadia");
    const refused = {
      imran: "the name imran is taken",
      IMRAN: "the name IMRAN is taken",
      nadia: "the name nadia is taken",
      server: "the name server is the server's own",
      Broker: "the name broker is the server's own",
      "guest-77": "the name guest-77 is not allowed: such names are for guests",
      "Guest-1": "the name guest-1 is not allowed: such names are for guests",
      "two words": 'a user name has only letters, digits, ".", "_" and "-" (got "two words")',
      "": 'a user name has 1 to 64 characters (got "")',
    };
    for (const [name, reason] of Object.entries(refused)) {
      b.send(command("/rename", name));
      await b.expect(system(reason));
    }
    b.send(command("/rename"), command("/rename", "guest-2"), chat("still a guest"));
    await b.expect(system('a user name has 1 to 64 characters (got "")'), system("you are guest-2 already"));
    await a.expect(said("guest-2", "still a guest"));
    await a.hasNothing();
  });

  it("gives a name to one of two who want it at the same moment", async (t) => {
    const { port } = await startChatServer(t, { engine: "level" });
    const peers = await Promise.all(Array.from({ length: 8 }, () => ChatPeer.guest(port)));
    for (const peer of peers) peer.send(command("rename", "wanted"));
    const wanted = [system("you are now wanted"), system("the name wanted is taken")];
    const answers: string[] = [];
    for (const peer of peers) {
      let answer = "";
      while (!wanted.includes(answer)) answer = await peer.next();
      answers.push(answer);
    }
    assert.equal(answers.filter((answer) => answer === wanted[0]).length, 1);
  });

  it("lets a name go with its connection, and whoever takes it next gets what was said meanwhile", async (t) => {
    const { port } = await startChatServer(t, { engine: "level" });
    const b = await ChatPeer.named(port, "bob");
    const a = await ChatPeer.named(port, "imran");
    await b.expect(system("guest-2 is now imran"));
    a.send(chat("mine"));
    await b.expect(said("imran", "mine"));
    a.socket.end();
    await a.untilEnded();
    b.send(chat("while away 1"), command("/msg", "imran private"));
    await b.expect(system("imran is offline and will get it on return"));
    const again = await ChatPeer.guest(port);
    b.send(chat("while a guest"));
    await again.expect(said("bob", "while a guest"));
    again.send(chat("said as a guest"), command("/rename", "imran"));
    await again.expect(system("you are now imran"));
    const came = [await again.next(), await again.next()].sort();
    assert.deepEqual(came, [said("bob", "private", { private: true }), said("bob", "while away 1")].sort());
    b.send(chat("after"));
    await again.expect(said("bob", "after"));
    await again.hasNothing();
    await b.expect(said("guest-3", "said as a guest"), system("guest-3 is now imran"));
  });

  it("loses, repeats and mixes up nothing of what is said while it is done", async (t) => {
    const { port } = await startChatServer(t, { engine: "level" });
    const speaker = await ChatPeer.guest(port);
    const renamer = await ChatPeer.guest(port);
    const names = ["a", "b", "a", "c", "b", "a"];
    let n = 0;
    let going = true;
    const talk = async () => {
      while (going) {
        speaker.send(...Array.from({ length: 10 }, () => chat(`line ${n++}`)));
        await new Promise(setImmediate);
      }
    };
    const talking = talk();
    const heard: string[] = [];
    for (const [at, name] of names.entries()) {
      renamer.send(chat(`mine ${at}`), command("rename", name));
      heard.push(...(await renamer.until(system(`you are now ${name}`))));
    }
    going = false;
    await talking;
    speaker.send(chat("end"));
    heard.push(...(await renamer.until(said("guest-1", "end"))));
    const lines = heard.filter((text) => text.includes('"chat"')).map((text) => JSON.parse(text).text);
    const first = Number(lines[0]?.slice("line ".length));
    assert.deepEqual(lines, [...Array.from({ length: n - first }, (_, i) => `line ${first + i}`), "end"]);
    const own = speaker.take().filter((text) => text.includes("mine"));
    assert.deepEqual(own, [
      said("guest-2", "mine 0"),
      ...names.slice(0, -1).map((name, i) => said(name, `mine ${i + 1}`)),
    ]);
  });
});

describe("/list", () => {
  it("names everybody else in the lobby, by whatever protocol", async (t) => {
    const { port, nativePort } = await startChatServer(t);
    const a = await ChatPeer.guest(port);
    a.send(command("/list"), "list", command("LIST", "whatever"));
    await a.expect(system("nobody else is here"), system("nobody else is here"));
    await ChatPeer.named(port, "imran");
    await a.expect(system("guest-2 is now imran"));
    const native = await RawSession.login(nativePort, "Nadia");
    await RawSession.login(nativePort, "elsewhere");
    native.send({ op: "join", room: "#lobby" });
    await native.next("ok");
    a.send("/list");
    await a.expect(system("Nadia, imran"));
  });

  it("does not name who is gone", async (t) => {
    const { port } = await startChatServer(t);
    const [a, b] = [await ChatPeer.guest(port), await ChatPeer.named(port, "imran")];
    await ChatPeer.guest(port);
    await b.cut();
    for (let names = ""; names !== "guest-3"; ) {
      a.send("/list");
      names = JSON.parse(await a.next()).text;
    }
  });
});

describe("/msg", () => {
  it("reaches its receiver and nobody else", async (t) => {
    const { port } = await startChatServer(t);
    const [a, b, c] = [
      await ChatPeer.named(port, "bob"),
      await ChatPeer.guest(port),
      await ChatPeer.guest(port, "/list"),
    ];
    a.send(command("/msg", "guest-2 hello  there "));
    await b.expect(said("bob", "hello  there ", { private: true }));
    a.send("/msg guest-3 hello");
    await c.expect("bob: hello");
    c.send("/msg BOB two\nlines");
    await a.expect(said("guest-3", "two\nlines", { private: true }));
    a.send(command("msg", "bob to myself"));
    await a.expect(said("bob", "to myself", { private: true }));
    for (const peer of [a, b]) await peer.hasNothing();
    assert.deepEqual(c.take(), []);
  });

  it("is stored for who is known and away, and refused for who is unknown", async (t) => {
    const { port, nativePort } = await startChatServer(t);
    const a = await ChatPeer.guest(port);
    (await RawSession.login(nativePort, "Nadia")).close();
    let answer = "";
    while (!answer.includes("offline")) {
      a.send(command("/msg", "nadia hello"), command("/msg", "nadia marker"), command("/nonsense"));
      answer = (await a.until(system(`unknown command: there are ${known}`))).join();
    }
    assert.ok(answer.includes(system("Nadia is offline and will get it on return")), answer);
    const nadia = await RawSession.login(nativePort, "Nadia");
    assert.equal((await nadia.next("message")).body, "hello");
    a.send(command("/msg", "nobody hello"), command("/msg", "a?b hello"), command("/msg", "#none hello"));
    await a.until(system("no user nobody has ever connected"));
    await a.expect(
      system('a user name has only letters, digits, ".", "_" and "-" (got "a?b")'),
      system("there is no room #none"),
    );
  });

  it("needs a name and a text", async (t) => {
    const { port } = await startChatServer(t);
    const a = await ChatPeer.guest(port);
    a.send(command("/msg"), command("/msg", "bob"), "/msg", "/msg bob");
    for (let n = 0; n < 4; n++) await a.expect(system("say to whom, and what: /msg NAME text"));
  });

  it("reaches rooms that one is in, and everybody", async (t) => {
    const { port } = await startChatServer(t);
    const [a, b] = [await ChatPeer.guest(port), await ChatPeer.guest(port)];
    a.send(command("/msg", "#lobby in the lobby"), command("/msg", "* to all"));
    await b.expect(said("guest-1", "in the lobby"), said("guest-1", "to all"));
    await a.hasNothing();
  });
});

describe("other commands", () => {
  it("are answered with those that there are", async (t) => {
    const { port } = await startChatServer(t);
    const [a, b] = [await ChatPeer.guest(port), await ChatPeer.guest(port)];
    a.send(command("/dance", "x"), command(""), command("/"), command("//list"), "/shrug", "/list/");
    for (let n = 0; n < 6; n++) await a.expect(system(`unknown command: there are ${known}`));
    await b.hasNothing();
  });

  it("are faults of the core where it refuses", async (t) => {
    const { port } = await startChatServer(t, { "limits.maxBodyBytes": 10 });
    const [a, b] = [await ChatPeer.guest(port), await ChatPeer.guest(port)];
    a.send(chat("12345678901"), chat("1234567890"));
    await a.expect(system("the body is longer than 10 bytes"));
    await b.expect(said("guest-1", "1234567890"));
  });
});

describe("a guest's name", () => {
  it("is never given to somebody else, also after a restart", async (t) => {
    const first = await startChatServer(t, { engine: "level" });
    const names: string[] = [];
    for (let n = 0; n < 3; n++) {
      const peer = await ChatPeer.guest(first.port);
      peer.send(command("/rename", `guest-${n + 1}`));
      names.push(await peer.next());
      await peer.cut();
    }
    assert.deepEqual(
      names,
      [1, 2, 3].map((n) => system(`you are guest-${n} already`)),
    );
    await first.stop();
    const second = await startChatServer(t, { engine: "level" });
    const [watcher, peer] = [await ChatPeer.guest(second.port), await ChatPeer.guest(second.port)];
    peer.send(chat("hello"));
    await watcher.expect(said("guest-5", "hello"));
  });

  it("is nobody else's, by whatever way in, while the guest is there and after", async (t) => {
    const { port, nativePort } = await startChatServer(t);
    const [watcher, peer] = [await ChatPeer.guest(port), await ChatPeer.guest(port)];
    await watcher.cut();
    for (const user of ["guest-1", "Guest-2", "guest-3"]) {
      const stranger = await RawSession.connect(nativePort);
      stranger.send({ op: "hello", user });
      assert.equal((await stranger.next("error")).code, "forbidden", user);
    }
    const next = await ChatPeer.guest(port);
    peer.send(chat("hello"));
    await next.expect(said("guest-2", "hello"));
    next.send(chat("hello too"));
    await peer.expect(said("guest-3", "hello too"));
  });

  it("is in the lobby for as long as the connection lasts", async (t) => {
    const { port, nativePort } = await startChatServer(t);
    const native = await RawSession.login(nativePort, "nadia");
    native.send({ op: "join", room: "#lobby" });
    await native.next("ok");
    const [gone, renamed] = [await ChatPeer.guest(port), await ChatPeer.guest(port)];
    await gone.cut();
    renamed.send(command("/rename", "imran"));
    await renamed.next();
    const members = async () => {
      native.send({ op: "users", room: "#lobby" });
      return (await native.next("presence")).users.map(({ user }) => user);
    };
    while ((await members()).length > 2) await new Promise(setImmediate);
    assert.deepEqual(await members(), ["imran", "nadia"]);
    await renamed.cut();
    assert.deepEqual(await members(), ["imran", "nadia"]);
  });

  it("is told to native clients too, as a message of type system", async (t) => {
    const { port, nativePort } = await startChatServer(t);
    const native = await RawSession.login(nativePort, "nadia");
    native.send({ op: "join", room: "#lobby" });
    await native.next("ok");
    await ChatPeer.named(port, "imran");
    const { from, to, type, body } = await native.next("message");
    assert.deepEqual([from, to, type, body], ["server", "#lobby", "system", "guest-1 is now imran"]);
  });
});
