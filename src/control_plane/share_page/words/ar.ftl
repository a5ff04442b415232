### The words of a share's page, in Arabic.

decimal = .
skip = انتقل إلى المحتوى
shared-by = شاركه { $name }
available-until = متاح حتى { $date }
language-name = العربية
privacy = سياسة الخصوصية

gate-heading = هذه المشاركة محمية
gate-hint = أدخل كلمة المرور التي استلمتها.
password = كلمة المرور
open = فتح
password-wrong = كلمة المرور غير صحيحة. تحقق منها وحاول مرة أخرى.
password-missing = أدخل كلمة المرور.
too-many = محاولات كثيرة جدًا من شبكتك. حاول مرة أخرى بعد { $seconds ->
    [one] ثانية واحدة
    [two] ثانيتين
    [few] { $seconds } ثوانٍ
   *[other] { $seconds } ثانية
}.
terms-heading = الشروط والأحكام
terms-hint = اقبل الشروط لعرض ما تمت مشاركته معك وتنزيله.
accept = قبول ومتابعة

items = { $count ->
    [zero] لا عناصر
    [one] عنصر واحد
    [two] عنصران
    [few] { $count } عناصر
    [many] { $count } عنصرًا
   *[other] { $count } عنصر
}
select = تحديد { $title }
select-all = تحديد كل ما في هذه الصفحة
nothing-selected = حدد عنصرًا واحدًا على الأقل.
download = تنزيل
download-all = تنزيل الكل
download-selected = تنزيل المحدد
as-format = الصيغة
as-default = الصيغ الافتراضية
as-original = الملفات الأصلية
view-only = يمكنك عرض هذه الملفات. التنزيل معطّل.
downloads-left = { $count ->
    [zero] لم يتبق أي تنزيل
    [one] بقي تنزيل واحد
    [two] بقي تنزيلان
    [few] بقيت { $count } تنزيلات
   *[other] بقي { $count } تنزيلًا
}
downloads-none = لم يتبق أي تنزيل.
empty = لم يبق شيء في هذه المشاركة.
unavailable = لم يعد متاحًا
all-items = كل العناصر
pages = الصفحات
page-previous = الصفحة السابقة
page-next = الصفحة التالية
page-at = الصفحة { $place }
page-go = انتقل إلى الصفحة
item-previous = السابق
item-next = التالي

original = الملف الأصلي
formats = الصيغ
preview = معاينة
no-preview = لا توجد معاينة لهذا الملف.
open-document = افتح المستند في علامة تبويب جديدة
frame-at = المنظر { $place }
turn-hint = اسحب أو اضغط مفاتيح الأسهم للتدوير.
download-frames = { $count ->
    [one] تنزيل المشهد الوحيد في ملف zip
    [two] تنزيل المشهدين في ملف zip
    [few] تنزيل كل المشاهد ({ $count }) في ملف zip
   *[other] تنزيل كل المشاهد ({ $count }) في ملف zip
}
add-format = إضافة صيغة
add-format-hint = الصورة بحجم آخر أو بصيغة ملف أخرى. لا تُكبَّر أبدًا عن حجمها.
crop = جزء من الصورة
crop-hint = بالبكسل من الزاوية العليا اليسرى. فارغ: الصورة كلها.
crop-keys = ارسمه على الصورة أو اسحبه. مفاتيح الأسهم تحركه، ومع Shift تغيّر حجمه، وDelete تعيد الصورة كلها.
crop-x = من اليسار
crop-y = من الأعلى
crop-width = عرض الجزء
crop-height = ارتفاع الجزء
width = العرض بالبكسل
height = الارتفاع بالبكسل
fit = إذا ذُكر الاثنان
fit-inside = الصورة كاملة ضمنهما
fit-cover = ملء المساحة وقص الحواف
file-format = صيغة الملف
quality = جودة JPEG من 1 إلى 100
format-download = نزّل هذه الصيغة
format-refused = لا تتوفر هذه الصورة بهذا الحجم أو بهذه الصيغة.
about = معلومات
tags = الوسوم
kind-AUDIO = صوت
kind-IMAGE = صورة
kind-IMAGE_360 = عرض 360°
kind-OTHER = مستند
kind-PLAYLIST = قائمة تشغيل
kind-VIDEO = فيديو
kind-URL = رابط

gone-heading = انتهت هذه المشاركة
gone-detail = انتهت صلاحيتها أو تم سحبها. اطلب رابطًا جديدًا ممن أعطاك هذا الرابط.
missing-heading = لا شيء هنا
missing-detail = لا يوجد شيء في هذا العنوان. تأكد من أن الرابط كامل.
foreign-heading = لم يُقبل الطلب
foreign-detail = لم يأت الطلب من هذه الصفحة، ولم يُنفذ شيء. افتح الرابط من جديد وحاول مرة أخرى.
refused-heading = هذا غير ممكن
refused-detail = لا يُقدَّم المطلوب بهذه الطريقة.
busy-heading = لحظة من فضلك
busy-detail = هناك طلبات كثيرة. حاول مرة أخرى بعد بضع ثوانٍ.
failed-heading = حدث خطأ ما
failed-detail = الخطأ من جانبنا وليس منك. حاول لاحقًا. المرجع: { $request }
back-to-share = العودة إلى المشاركة
