### The words of letters, in Arabic.

letter-hello = مرحبًا { $name }،
letter-share-subject = شارك { $name } معك «{ $title }»
letter-share-lead = شارك { $name } معك «{ $title }»: { $count ->
    [zero] لا عناصر
    [one] عنصر واحد
    [two] عنصران
    [few] { $count } عناصر
    [many] { $count } عنصرًا
   *[other] { $count } عنصر
}.
letter-message = رسالة من { $name }
letter-open = افتح المشاركة
letter-until = يعمل الرابط حتى { $date }.
letter-password = المشاركة محمية بكلمة مرور يعطيك إياها { $name } بطريقة أخرى.
letter-own = هذا الرابط لك وحدك. نرجو ألا تعيد إرساله.
letter-unexpected = إذا لم تكن تتوقع هذه الرسالة فيمكنك تجاهلها.
letter-ends-subject = تنتهي «{ $title }» قريبًا
letter-ends-lead = تنتهي مشاركتك «{ $title }» في { $date }.
letter-ends-after = بعد ذلك لا يستطيع أحد فتحها. يمكنك تغيير موعد النهاية في لوحة التحكم؛ وتُحذف بعد 30 يومًا من نهايتها.
letter-somebody = شخص لديه الرابط
letter-opened-subject = فُتحت «{ $title }»
letter-opened-lead = فتح { $name } مشاركتك «{ $title }».
letter-had-subject = نُزِّل شيء من «{ $title }»
letter-had-lead = بدأ { $name } تنزيلًا من مشاركتك «{ $title }».
letter-digest-subject = ما حدث لمشاركة «{ $title }»
letter-digest-lead = منذ { $date } زار أحدهم مشاركتك «{ $title }».
letter-digest-opened = { $count ->
    [zero] لم تُفتح.
    [one] فُتحت مرة واحدة.
    [two] فُتحت مرتين.
    [few] فُتحت { $count } مرات.
    [many] فُتحت { $count } مرة.
   *[other] فُتحت { $count } مرة.
}
letter-digest-had = { $count ->
    [zero] لم يبدأ أي تنزيل.
    [one] بدأ تنزيل واحد.
    [two] بدأ تنزيلان.
    [few] بدأت { $count } تنزيلات.
    [many] بدأ { $count } تنزيلًا.
   *[other] بدأ { $count } تنزيل.
}
letter-why-own = تصلك هذه الرسالة لأنك أنشأت المشاركة. يُضبط ما تُبلَّغ به ضمن إعدادات المشاركة.
