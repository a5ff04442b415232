# What systemd.txt was printed by. $1 is the first process of a machine whose systemd runs, in which
# Countersign, the unit of README.md and a configuration with [control] were put:
#   debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus bookworm root
#   systemd-nspawn --register=no --keep-unit -b -D root
inside() { nsenter -t "$1" -a -- "${@:2}"; }
inside "$1" systemctl daemon-reload
inside "$1" systemctl start countersign
sleep 2
pid=$(pgrep -f '^/usr/local/bin/countersign serve --config /etc/countersign')
curl -s -i http://127.0.0.1/public/a.txt | head -2
inside "$1" systemctl status countersign --no-pager | head -14
grep -E 'CapEff|NoNewPrivs|Uid' "/proc/$pid/status"
inside "$1" ls -la /var/lib/countersign
echo "--- reload"
inside "$1" systemctl reload countersign
sleep 1
inside "$1" journalctl -u countersign --no-pager | tail -3
echo "--- kill -9"
kill -9 "$pid"
sleep 4
inside "$1" systemctl is-active countersign
inside "$1" systemctl show countersign -p NRestarts
curl -s -o /dev/null -w '%{http_code}\n' http://127.0.0.1/public/a.txt
echo "--- bad configuration"
inside "$1" sh -c 'cd /etc/countersign; echo nonsense >> countersign.toml; systemctl restart countersign
    systemctl is-active countersign; journalctl -u countersign --no-pager | tail -12
    sed -i "/^nonsense/d" countersign.toml; sleep 3; systemctl is-active countersign'
curl -s -o /dev/null -w '%{http_code}\n' http://127.0.0.1/public/a.txt
echo "--- stop"
date +%T.%N
inside "$1" systemctl stop countersign
date +%T.%N
inside "$1" systemctl show countersign -p ExecMainStatus -p Result
